/*
 * paths.c
 *		File names: makes them absolute, resolves links, and decides which ones a caller
 *		may name.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "port.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "base/settings.h"
#include "server/disk/closed.h"
#include "server/disk/paths.h"
#include "server/process/caller.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"
#include "server/process/platform_folder.h"
#include "server/process/platform_link.h"

char *
castssl_path_in(const char *directory, const char *name)
{
	char *path;

	if (is_absolute_path(name))
		path = pstrdup(name);
	else
		path = psprintf("%s/%s", directory, name);
	canonicalize_path(path);
	return path;
}

char *
castssl_path_folder(const char *path)
{
	char *folder = pstrdup(path);

	get_parent_directory(folder);
	return folder;
}

char *
castssl_path_free(const char *folder, const char *name)
{
	char *path = castssl_path_in(folder, name);
	struct stat st;

	for (int i = 2; lstat(path, &st) == 0; i++)
		path = castssl_path_in(folder, psprintf("%s.%d", name, i));
	return path;
}

const char *
castssl_path_base(const char *path)
{
	const char *separator = last_dir_separator(path);

	return separator ? separator + 1 : path;
}

const char *
castssl_path_data_directory(void)
{
	static char *data_directory = NULL;

	if (data_directory == NULL)
	{
		char *real = castssl_platform_real_path(DataDir);

		if (real == NULL)
			/* LCOV_EXCL_START: it is the server's working directory */
			ereport(ERROR, (errcode_for_file_access(),
							errmsg("could not find data directory \"%s\": %m", DataDir)));
		/* LCOV_EXCL_STOP */
		data_directory = MemoryContextStrdup(TopMemoryContext, real);
	}
	return data_directory;
}

char *
castssl_state_path(const char *name)
{
	char *path = castssl_path_in(castssl_path_data_directory(), CASTSSL_STATE_DIRECTORY);

	return name ? castssl_path_in(path, name) : path;
}

/* Is path (resolved) in directory (under any name of the directory)? */
static bool
lies_in(const char *path, const char *directory)
{
	char *real = castssl_platform_real_path(directory);

	/* 13 and 14 leave the .. in a path that does not exist. */
	return real != NULL && !path_contains_parent_reference(path) &&
		   path_is_prefix_of_path(real, path);
}

/*
 * 42501 if the caller is not a superuser and path is in no allowed directory.  The message has
 * the path as given, because the caller must not learn where a link leads.
 */
static void
check_allowed(const char *path, const char *given)
{
	List *directories;
	ListCell *cell;

	if (castssl_caller_is_superuser())
		return;
	if (lies_in(path, DataDir) || lies_in(path, castssl_path_folder(ConfigFileName)))
		return;
	if (SplitDirectoriesString(pstrdup(castssl_allowed_directories), ',', &directories))
	{
		foreach (cell, directories)
		{
			if (lies_in(path, lfirst(cell)))
				return;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied for path \"%s\"", given),
			 errdetail("Only superusers may name files outside the data directory, the folder "
					   "of config_file and the directories in castssl.allowed_directories."),
			 errhint("A superuser can add the directory to castssl.allowed_directories.")));
}

/*
 * 42501, as check_allowed, for a path that does not exist: its nearest existing parent must be
 * allowed.  A dangling link on the path is never allowed, so that it shows nothing.
 */
static void
check_missing_allowed(const char *path)
{
	const char *there = path;
	const char *above = castssl_path_folder(there);
	char *real;

	while ((real = castssl_platform_real_path(there)) == NULL && strcmp(there, above) != 0)
	{
		if (castssl_platform_is_link(there))
			check_allowed("/", path);
		there = above;
		above = castssl_path_folder(there);
	}
	check_allowed(real ? real : "/", path);
	check_allowed(path, path);
}

bool
castssl_path_is_of_authority(const char *path)
{
	return path_is_prefix_of_path(castssl_state_path(NULL), path) ||
		   (castssl_ca_directory[0] != '\0' &&
			path_is_prefix_of_path(castssl_path_in(DataDir, castssl_ca_directory), path));
}

int
castssl_path_err_closed(const char *path)
{
	char *account = castssl_account_own();
	struct stat st;
	char *folder;
	char *hint;

	if (!castssl_platform_has_modes())
	{
		/* LCOV_EXCL_START: only on Windows */
		errdetail("The account that the server runs as may not read it.");
		return errhint("Let that account read the file.  The properties of the service show the "
					   "account's name.");
		/* LCOV_EXCL_STOP */
	}
	folder = castssl_account_blocked_at(path, &st);
	hint = castssl_closed_hint(path);
	if (folder)
		errdetail("The server runs as %s, which may not pass through the folder \"%s\", owned by "
				  "%s with mode %04o.",
				  account, folder, castssl_account_name(st.st_uid),
				  (unsigned) (st.st_mode & 07777));
	else
		errdetail("The server runs as %s, which may not read this file.", account);
	return hint ? errhint("%s", hint) : 0;
}

void
castssl_path_check_open_target(const char *folder)
{
	char *path = psprintf("%s/", folder);
	struct stat st;

	if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
	{
		errno = ENOTDIR;
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("could not open directory \"%s\": %m", folder),
						errdetail("It is the folder that the files go to."),
						errhint("Name another target_dir.")));
	}
	if (!castssl_account_blocked_at(path, &st))
		return;
	errno = EACCES;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("could not open directory \"%s\": %m", folder), castssl_path_err_closed(path)));
}

char *
castssl_path_resolve(const char *path, bool by_caller)
{
	char *resolved;

	path = castssl_path_in(castssl_path_data_directory(), path);
	resolved = castssl_platform_real_path(path);
	/* PostgreSQL would cut it, and so would we: what is left may be the name of another file */
	if (strlen(path) >= MAXPGPATH || (resolved && strlen(resolved) >= MAXPGPATH))
	{
		resolved = NULL;
		errno = ENAMETOOLONG;
	}

	if (resolved == NULL && errno == ENOENT)
	{
		/* A dangling link may point outside, where the caller must not learn what exists. */
		if (by_caller && castssl_platform_is_link(path))
			check_allowed("/", path);
		char *folder = castssl_platform_real_path(castssl_path_folder(path));

		if (folder != NULL)
			resolved = castssl_path_in(folder, castssl_path_base(path));
	}
	if (resolved == NULL)
	{
		int error = errno;
		char *group;

		/* The caller must not learn whether a path outside its allowed directories exists. */
		if (by_caller)
			check_missing_allowed(path);
		group = error == EACCES ? castssl_account_missing_group(path) : NULL;
		errno = error;
		if (group)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("could not find \"%s\": %m", path), CASTSSL_MISSING_GROUP(group)));
		if (error == EACCES)
			ereport(ERROR,
					(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					 errmsg("could not find \"%s\": %m", path), castssl_path_err_closed(path)));
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE), errmsg("could not find \"%s\": %m", path),
				 errdetail("The path is looked up on the server, by the account that it runs as."),
				 by_caller ? errhint("Name a directory of the server that holds the files.")
						   : errhint("Put it back there, from where it is now or from a backup.")));
	}
	if (by_caller)
		check_allowed(resolved, path);
	return resolved;
}

char *
castssl_authority_path(const char *name)
{
	char *directory =
		castssl_ca_directory[0]
			? castssl_path_resolve_target(castssl_path_in(DataDir, castssl_ca_directory), false)
			: castssl_state_path("ca");

	return name ? castssl_path_in(directory, name) : directory;
}

char *
castssl_path_resolve_target(const char *path, bool by_caller)
{
	char *resolved;

	path = castssl_path_in(castssl_path_data_directory(), path);
	(void) castssl_path_resolve(path, by_caller); /* raises the more detailed errors */
	resolved = castssl_platform_real_path_guarded(path);
	if (resolved == NULL && errno == ENOENT)
	{
		resolved = castssl_platform_real_path_guarded(castssl_path_folder(path));
		resolved = resolved ? castssl_path_in(resolved, castssl_path_base(path)) : NULL;
	}
	if (resolved == NULL)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("\"%s\" is not written through a symbolic link", path),
						errdetail("Accounts other than root and the server's can put a link in "
								  "place of it or of one of its folders."),
						errhint("Name the directory itself, by a path without links.")));
	if (by_caller)
		check_allowed(resolved, path);
	return resolved;
}
