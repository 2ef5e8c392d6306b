/*
 * manifest.c
 *		Small state files: one line name = 'value' for each fact.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "change/manifest.h"
#include "server/files.h"

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
 * The value that begins after the first quote, as castssl_manifest_append wrote it.
 * *text moves behind the value.
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

ConfigVariable *
castssl_manifest_read(const char *path)
{
	ConfigVariable *head = NULL;
	ConfigVariable **next = &head;
	struct stat st;
	size_t length;
	const char *text = NULL;

	/* If there is a plain file in place of a folder, it is not our state. */
	if (stat(path, &st) == 0 || (errno != ENOENT && errno != ENOTDIR))
		text = castssl_file_read_if_exists(path, CASTSSL_HBA_LIMIT, &length, NULL);
	while (text && *text)
	{
		*next = read_line(&text);
		if (*next == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_CONFIG_FILE_ERROR),
					 errmsg("could not parse contents of file \"%s\"", path),
					 errdetail("It is a state file of pg_castssl, and was changed by hand.")));
		next = &(*next)->next;
	}
	return head;
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
