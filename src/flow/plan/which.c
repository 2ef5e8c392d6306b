/*
 * which.c
 *		Which files of TLS a call names, and the same call as a statement with other files.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "lib/stringinfo.h"

#include "base/words.h"
#include "flow/plan/which.h"
#include "server/disk/closed.h"
#include "server/disk/paths.h"
#include "server/process/caller.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"

/* Where a folder for copies is made, that the server's account can read. */
#define FOLDER_OF_COPIES "/etc/postgresql"

const char *
castssl_role_parameter(CastsslRole role)
{
	static const char *const names[] = { "ssl_cert_file", "ssl_key_file", "ssl_ca_file",
										 "ssl_crl_file" };

	return names[role];
}

const char *
castssl_role_argument(CastsslRole role)
{
	return castssl_role_parameter(role) + strlen("ssl_");
}

/* Append "name => 'value', "; false if the value cannot be pasted safely. */
static bool
append_argument(StringInfo text, const char *name, const char *value)
{
	char *literal;

	if (value == NULL)
		return true;
	literal = castssl_sql_literal(value);
	if (literal == NULL)
		return false;
	appendStringInfo(text, "%s => %s, ", name, literal);
	return true;
}

char *
castssl_which_statement(const CastsslWhich *which)
{
	StringInfoData text;

	if (which->call == NULL)
		return NULL;
	initStringInfo(&text);
	appendStringInfoString(&text, which->call);
	if (!append_argument(&text, "source_dir", which->source_dir) ||
		!append_argument(&text, "target_dir", which->target_dir))
		return NULL;
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		if (!append_argument(&text, castssl_role_argument(role), which->names[role]))
			return NULL;
	}
	if (text.data[text.len - 1] == ' ')
		text.len -= strlen(", ");
	text.data[text.len] = '\0';
	return psprintf("%s);", text.data);
}

static bool
is_named(const CastsslWhich *which, int role)
{
	return which->names[role] && which->names[role][0] != '\0';
}

/* The name of the copy of a file that is named: its own, unless another one has the same. */
static const char *
name_of_copy(const CastsslWhich *which, int role)
{
	const char *base = castssl_path_base(which->names[role]);

	for (int other = 0; other < CASTSSL_NROLES; other++)
	{
		if (other != role && is_named(which, other) &&
			strcmp(castssl_path_base(which->names[other]), base) == 0)
			return psprintf("%s-%s", castssl_role_argument(role), base);
	}
	return base;
}

/*
 * The command that copies the files to a new folder, and the same call with the copies in *copies;
 * NULL: a name cannot be pasted safely.
 */
static char *
copy_command(const CastsslWhich *which, const char *folder, const char *const *unnamed,
			 CastsslWhich *copies)
{
	char *to = castssl_path_free(FOLDER_OF_COPIES, "tls");
	char *install = psprintf("install -o %s -m 600", castssl_account_word());
	StringInfoData command;
	StringInfoData list;

	initStringInfo(&command);
	initStringInfo(&list);
	appendStringInfo(&command, "install -d -o %s -m 700 %s", castssl_account_word(), to);
	*copies = *which;
	copies->source_dir = which->source_dir ? to : NULL;
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const char *name;
		char *from;

		if (!is_named(which, role))
			continue;
		name = name_of_copy(which, role);
		copies->names[role] = which->source_dir ? name : castssl_path_in(to, name);
		from = castssl_shell_word(castssl_path_in(folder, which->names[role]));
		name = castssl_shell_word(castssl_path_in(to, name));
		if (from == NULL || name == NULL)
			return NULL;
		appendStringInfo(&command, " && %s %s %s", install, from, name);
	}
	for (int i = 0; unnamed && unnamed[i]; i++)
	{
		char *from = castssl_shell_word(castssl_path_in(folder, unnamed[i]));

		if (from == NULL)
			return NULL;
		appendStringInfo(&list, " %s", from);
	}
	if (list.len > 0)
		appendStringInfo(&command, " && for f in%s; do test ! -f \"$f\" || %s \"$f\" %s/; done",
						 list.data, install, to);
	return command.data;
}

static int
hint_to_copy(const char *command, const CastsslWhich *copies)
{
	char *statement = command ? castssl_which_statement(copies) : NULL;

	return statement
			   ? errhint("Give the server copies.  Run as root: %s  Then: %s", command, statement)
			   : 0;
}

static int
detail_closed(const char *path)
{
	struct stat st;
	char *closed = castssl_account_blocked_at(path, &st);

	if (closed == NULL)
		return errdetail("The server runs as %s, which may not read this file.",
						 castssl_account_own());
	return errdetail("The server runs as %s, which may not pass through the folder \"%s\", owned "
					 "by %s with mode %04o.",
					 castssl_account_own(), closed, castssl_account_name(st.st_uid),
					 (unsigned) (st.st_mode & 07777));
}

/* Can a copy elsewhere stand in for it, and is it not only that the server needs a restart? */
static bool
is_closed(const char *path)
{
	return castssl_closed_is(path) && castssl_account_missing_group(path) == NULL &&
		   !castssl_path_is_of_authority(path) &&
		   !path_is_prefix_of_path(castssl_path_data_directory(), path);
}

/* The folder, or the first of the files, that is closed; NULL: none. */
static const char *
find_closed(const CastsslWhich *which, const char *folder, const char *const *unnamed)
{
	struct stat st;

	if (which->source_dir && castssl_account_blocked_at(castssl_path_in(folder, "x"), &st))
		return folder;
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		if (is_named(which, role) && is_closed(castssl_path_in(folder, which->names[role])))
			return castssl_path_in(folder, which->names[role]);
	}
	for (int i = 0; unnamed && unnamed[i]; i++)
	{
		if (is_closed(castssl_path_in(folder, unnamed[i])))
			return castssl_path_in(folder, unnamed[i]);
	}
	return NULL;
}

void
castssl_which_check_open(const CastsslWhich *which, const char *folder, const char *const *unnamed)
{
	const char *closed;
	CastsslWhich copies;
	char *command;

	if (!castssl_caller_is_superuser() || !castssl_platform_has_modes())
		return;
	closed = find_closed(which, folder, unnamed);
	if (closed == NULL || castssl_account_missing_group(closed))
		return;
	command = copy_command(which, folder, unnamed, &copies);
	errno = EACCES;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("could not open \"%s\": %m", closed),
			 detail_closed(closed == folder ? castssl_path_in(folder, "x") : closed),
			 hint_to_copy(command, &copies)));
}

void
castssl_which_check_in_use(const CastsslWhich *which, CastsslRole role, const char *path)
{
	CastsslWhich in_use = { 0 };
	CastsslWhich copy;
	CastsslWhich again = *which;
	char *command;

	if (!castssl_caller_is_superuser() || !castssl_platform_has_modes() || !is_closed(path))
		return;
	in_use.names[role] = path;
	command = copy_command(&in_use, "/", NULL, &copy);
	again.names[role] = copy.names[role];
	errno = EACCES;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE), errmsg("could not open \"%s\": %m", path),
			 detail_closed(path), hint_to_copy(command, &again)));
}

/* The path of a folder for target_dir that can be made: itself, or another one. */
static const char *
possible_target(const char *target_dir, bool taken)
{
	if (!taken && !path_is_prefix_of_path(castssl_path_data_directory(), target_dir))
		return target_dir;
	return castssl_path_free(FOLDER_OF_COPIES, "tls");
}

static int
hint_for_target(const CastsslWhich *which, bool taken)
{
	CastsslWhich other = *which;
	char *word;
	char *statement;

	other.target_dir = possible_target(which->target_dir, taken);
	word = castssl_shell_word(other.target_dir);
	statement = castssl_which_statement(&other);
	if (word == NULL || statement == NULL)
		return 0;
	return errhint(
		"Make a folder for the files.  Run as root: install -d -o %s -m 700 %s  Then: %s",
		castssl_account_word(), word, statement);
}

void
castssl_which_check_target(const CastsslWhich *which)
{
	const char *path = which->target_dir;
	struct stat st;
	bool closed;
	bool is_file;

	if (path == NULL || which->source_dir == NULL || !castssl_caller_is_superuser() ||
		!castssl_platform_has_modes() || castssl_account_missing_group(path))
		return;
	is_file = stat(path, &st) == 0 ? !S_ISDIR(st.st_mode) : errno == ENOTDIR;
	closed = !is_file && castssl_account_blocked_at(castssl_path_in(path, "x"), &st) != NULL;
	if (is_file || closed)
		errno = is_file ? ENOTDIR : EACCES;
	else if (stat(path, &st) == 0 || errno != ENOENT)
		return;
	ereport(ERROR,
			(errcode(is_file || closed ? ERRCODE_INSUFFICIENT_PRIVILEGE : ERRCODE_UNDEFINED_FILE),
			 errmsg("could not open directory \"%s\": %m", path),
			 closed ? detail_closed(castssl_path_in(path, "x"))
					: errdetail("It is target_dir, the folder that the files go to."),
			 hint_for_target(which, is_file || closed)));
}
