/*
 * unwritable.c
 *		A file of a plan in a folder that the server may not write to.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/words.h"
#include "flow/apply/unwritable.h"
#include "server/disk/directories.h"
#include "server/disk/paths.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"
#include "server/process/platform_link.h"

/* The hint to make a folder for the TLS files in the given one, and to call again. */
static const char *
hint_for_tls(const char *folder, const CastsslAgain *again)
{
	char *own = castssl_path_free(folder, "postgresql-tls");
	char *word = castssl_shell_word(own);
	char *literal = castssl_sql_literal(own);
	char *call;

	if (word == NULL || literal == NULL)
		return NULL;
	call = again->up_to_target
			   ? psprintf("Then: %starget_dir => %s);", again->up_to_target, literal)
			   : psprintf("Then give target_dir => %s.", literal);
	return psprintf(
		"Use a folder of the server's own.  Run as root: install -d -o %s -m 700 %s  %s",
		castssl_account_word(), word, call);
}

/* The command that makes a copy of pg_hba.conf that the server can replace. */
static const char *
copy_command(const char *from, const char *to)
{
	char *from_word = castssl_shell_word(from);
	char *to_word = castssl_shell_word(to);

	return from_word && to_word
			   ? psprintf("install -o %s -g %d -m 600 %s %s", castssl_account_word(),
						  castssl_account_group_id(), from_word, to_word)
			   : NULL;
}

/*
 * Does hba_file name a link in a folder that the server may write to?  Then the file can replace
 * it.
 */
static bool
is_reached_by_own_link(const char *path)
{
	return strcmp(path, HbaFileName) != 0 && castssl_platform_is_link(HbaFileName) &&
		   castssl_directory_is_writable(castssl_path_folder(HbaFileName));
}

/* A file that names other files is not copied alone: their names are relative to its folder. */
const char *
castssl_unwritable_hba_hint(const char *path)
{
	char *to;
	char *literal;
	const char *command;

	if (is_reached_by_own_link(path))
	{
		command = copy_command(path, HbaFileName);
		return command ? psprintf("hba_file names a link.  Put the file itself in its place.  Run "
								  "as root: %s",
								  command)
					   : NULL;
	}
	if (castssl_hba_files_named() != NIL || castssl_parameter_unchangeable("hba_file") ||
		strcmp(path, castssl_platform_real_path(HbaFileName)) != 0)
		return "Copy pg_hba.conf, with the files that it names, to a folder of the server's "
			   "account, and set hba_file to the copy where the server is configured.";
	to = castssl_path_free(castssl_path_data_directory(), "pg_hba.conf");
	literal = castssl_sql_literal(to);
	command = copy_command(path, to);
	return literal && command
			   ? psprintf(
					 "Let this server use a copy in its data directory.  Run as root: %s  Then: "
					 "ALTER SYSTEM SET hba_file = %s;  Then restart the server.",
					 command, literal)
			   : NULL;
}

void
castssl_unwritable_check(const CastsslPlannedFile *file, const CastsslAgain *again)
{
	const char *folder = castssl_path_folder(file->path);
	const char *hint;
	int error;

	if (castssl_directory_is_writable(folder))
		return;
	error = errno;
	hint = error == EROFS ? castssl_directory_read_only_hint(folder)
						  : castssl_directory_opening_hint(folder);
	if (error == EROFS && file->is_tls)
		hint = psprintf("%s  Or name another target_dir, which castssl_enable() takes.", hint);
	else if (hint == NULL)
		hint = file->is_tls ? hint_for_tls(folder, again) : castssl_unwritable_hba_hint(file->path);
	castssl_directory_raise_unwritable(folder, error, hint);
}
