/*
 * manifest.c
 *		Small state files: one line name = 'value' for each fact.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "common/file_perm.h"

#include "base/compat.h"
#include "change/manifest.h"
#include "server/disk/files.h"
#include "server/disk/folder.h"
#include "server/disk/modes.h"
#include "server/disk/paths.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"

#define VERSION "version"
#define SEAL "sha256"

void
castssl_manifest_begin(StringInfo text)
{
	initStringInfo(text);
	castssl_manifest_append(text, VERSION, "2");
}

void
castssl_manifest_seal(StringInfo text)
{
	castssl_manifest_append(text, SEAL, castssl_file_hash(text->data, text->len));
}

void
castssl_manifest_write(const char *path, StringInfo text)
{
	castssl_manifest_seal(text);
	castssl_file_replace(path, text->data, text->len, pg_file_create_mode, NULL);
}

void
castssl_manifest_append(StringInfo text, const char *name, const char *value)
{
	if (value == NULL)
		return;
	appendStringInfo(text, "%s = '", name);
	for (; *value; value++)
	{
		/* Escape what guc-file.l unescapes: doubled quotes, and C escapes. */
		if (*value == '\'')
			appendStringInfoString(text, "''");
		else if (*value == '\\')
			appendStringInfoString(text, "\\\\");
		else if (*value == '\n')
			appendStringInfoString(text, "\\n");
		else if (*value == '\r')
			appendStringInfoString(text, "\\r");
		else
			appendStringInfoChar(text, *value);
	}
	appendStringInfoString(text, "'\n");
}

void
castssl_manifest_append_number(StringInfo text, const char *name, int64 value)
{
	castssl_manifest_append(text, name, psprintf(INT64_FORMAT, value));
}

/*
 * The value as castssl_manifest_append wrote it.  *text points after the first quote, and is
 * moved after the last one.  NULL if the value has no end.
 */
static char *
read_value(const char **text)
{
	StringInfoData value;
	const char *c;

	initStringInfo(&value);
	for (c = *text;; c++)
	{
		bool escaped = (*c == '\\');

		if (!escaped && c[0] == '\'' && c[1] != '\'')
			break;
		if (escaped || *c == '\'')
			c++;
		if (*c == '\0' || *c == '\n')
			return NULL;
		if (escaped && (*c == 'n' || *c == 'r'))
			appendStringInfoChar(&value, *c == 'n' ? '\n' : '\r');
		else
			appendStringInfoChar(&value, *c);
	}
	*text = c + 1;
	return value.data;
}

/* One line; NULL if it is not in the form of castssl_manifest_append. */
static ConfigVariable *
read_line(const char **text)
{
	ConfigVariable *item = palloc0(sizeof(ConfigVariable));
	size_t length = strspn(*text, "abcdefghijklmnopqrstuvwxyz0123456789_");

	item->name = pnstrdup(*text, length);
	*text += length;
	if (length == 0 || strncmp(*text, " = '", 4) != 0)
		return NULL;
	*text += 4;
	item->value = read_value(text);
	if (item->value == NULL || **text != '\n')
		return NULL;
	(*text)++;
	return item;
}

pg_noreturn static void
raise_damaged(const char *path, const char *why, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
					errmsg("could not parse contents of file \"%s\": %s", path, why),
					errdetail("This state file of pg_castssl was damaged, or was changed by hand."),
					errhint("%s", hint)));
	pg_unreachable();
}

/*
 * A file that does not begin with a version is one of 0.1.0, and has neither a version nor a hash
 * in any line.  If there is one, the first line was changed.
 */
static void
check_of_old_version(const char *path, const ConfigVariable *head, const char *hint)
{
	for (const ConfigVariable *line = head; line != NULL; line = line->next)
	{
		if (strcmp(line->name, VERSION) == 0 || strcmp(line->name, SEAL) == 0)
			raise_damaged(path, "its beginning was changed", hint);
	}
}

/*
 * Check version and hash of a file, and return its lines without these two.  The hash is that of
 * all bytes before the last line.
 */
static ConfigVariable *
check_seal(const char *path, ConfigVariable *head, const char *text, size_t length,
		   const char *hint)
{
	ConfigVariable *last = head;
	ConfigVariable *before = NULL;
	size_t hashed = length - 1;

	/* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): a file that is not empty has a line */
	if (strcmp(head->name, VERSION) != 0)
	{
		check_of_old_version(path, head, hint);
		return head;
	}
	if (strcmp(head->value, "2") != 0)
		raise_damaged(path, psprintf("its version is \"%s\"", head->value), hint);
	while (last->next)
	{
		before = last;
		last = last->next;
	}
	while (hashed > 0 && text[hashed - 1] != '\n')
		hashed--;
	if (before == NULL || strcmp(last->name, SEAL) != 0)
		raise_damaged(path, "its end is missing", hint);
	if (strcmp(last->value, castssl_file_hash(text, hashed)) != 0)
		raise_damaged(path, "its content was changed", hint);
	before->next = NULL;
	return head->next;
}

/* Does it belong to the server's account, and can nobody else write to it? */
static bool
is_guarded(const struct stat *st)
{
	return !castssl_file_is_of_another(st) && (st->st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

pg_noreturn static void
raise_not_believed(const char *path, const char *what, const struct stat *st, const char *hint)
{
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("file \"%s\" is not trusted: other accounts may have written it", path),
					errdetail("\"%s\" is owned by %s and its mode is %04o.  Only the "
							  "server's account, %s, may be able to write it.",
							  what, castssl_account_name(st->st_uid),
							  (unsigned) (st->st_mode & 07777), castssl_account_own()),
					errhint("%s", hint)));
	pg_unreachable();
}

/*
 * Raise an error if another account can have written a state file.  Checks the file and each
 * folder up to pg_castssl in the data directory, without following links.  The postmaster has
 * checked the data directory itself.
 */
static void
check_believable(const char *path, const struct stat *st, const char *hint)
{
	char *state = castssl_state_path(NULL);

	if (!castssl_platform_has_modes())
		return; /* LCOV_EXCL_LINE: only on Windows */
	if (!is_guarded(st))
		raise_not_believed(path, path, st, hint);
	for (char *folder = castssl_path_folder(path); path_is_prefix_of_path(state, folder);
		 folder = castssl_path_folder(folder))
	{
		struct stat of_folder;

		if (castssl_platform_folder_stat(castssl_folder_open(folder), &of_folder) != 0)
			castssl_file_raise_open(folder, errno); /* LCOV_EXCL_LINE: it is open */
		if (!is_guarded(&of_folder))
			raise_not_believed(path, folder, &of_folder, hint);
	}
}

ConfigVariable *
castssl_manifest_read(const char *path, const char *hint)
{
	ConfigVariable *head = NULL;
	ConfigVariable **next = &head;
	struct stat st;
	size_t length;
	const char *text = NULL;
	const char *rest;

	/* with a plain file in place of a folder (ENOTDIR), there is no state file */
	if (stat(path, &st) == 0)
	{
		if (!S_ISREG(st.st_mode))
			raise_damaged(path, "it is not a regular file", hint);
	}
	else if (errno == ENOENT || errno == ENOTDIR)
		return NULL;
	text = castssl_file_read_if_exists(path, CASTSSL_HBA_LIMIT, &length, &st);
	if (text == NULL)
		return NULL;
	check_believable(path, &st, hint);
	if (length == 0)
		raise_damaged(path, "it is empty", hint);
	rest = text;
	while (*rest)
	{
		*next = read_line(&rest);
		if (*next == NULL)
			raise_damaged(path, "it has a line that cannot be read", hint);
		next = &(*next)->next;
	}
	if (rest != text + length)
		raise_damaged(path, "it has a line that cannot be read", hint);
	return check_seal(path, head, text, length, hint);
}

const char *
castssl_manifest_value(const ConfigVariable *manifest, const char *name)
{
	const char *value = NULL;

	for (; manifest != NULL; manifest = manifest->next)
	{
		if (strcmp(manifest->name, name) == 0)
			value = manifest->value;
	}
	return value;
}

int64
castssl_manifest_number(const ConfigVariable *manifest, const char *name)
{
	const char *value = castssl_manifest_value(manifest, name);

	return value ? strtoll(value, NULL, 10) : 0;
}
