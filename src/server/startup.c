/*
 * startup.c
 *		What the next start needs besides certificates and pg_hba.conf.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/varlena.h"

#include "base/compat.h"
#include "server/parameters.h"
#include "server/startup.h"

/* A path with $libdir at its beginning (PostgreSQL: substitute_libpath_macro). */
static char *
with_libdir(const char *path)
{
	const char *macro = "$libdir";
	size_t length = strlen(macro);

	if (strncmp(path, macro, length) != 0 || (path[length] != '\0' && path[length] != '/'))
		return pstrdup(path);
	return psprintf("%s%s", pkglib_path, path + length);
}

static bool
is_file(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* Is the library in this folder, under its own name or with the suffix of libraries? */
static bool
is_library_in(const char *folder, const char *name)
{
	char *path = psprintf("%s%s%s", folder, folder[0] ? "/" : "", name);

	return is_file(path) || is_file(psprintf("%s%s", path, DLSUFFIX));
}

/* PostgreSQL: expand_dynamic_library_name */
static bool
library_exists(const char *name)
{
	char *folders = castssl_parameter_at_start("dynamic_library_path");

	if (first_dir_separator(name) != NULL)
		return is_library_in("", with_libdir(name));
	while (folders[0] != '\0')
	{
		char *end = first_path_var_separator(folders);
		char *folder = end ? pnstrdup(folders, end - folders) : folders;

		if (is_library_in(with_libdir(folder), name))
			return true;
		folders = end ? end + 1 : "";
	}
	return is_library_in("", name);
}

static char *
library_problem(const char *name)
{
	return library_exists(name)
			   ? NULL
			   : psprintf("shared_preload_libraries: there is no library \"%s\"", name);
}

/* The server writes a lock file beside each socket, but not for one without a file ("@"). */
static char *
folder_problem(const char *folder)
{
	struct stat st;

	if (folder[0] == '@')
		return NULL;
	if (stat(folder, &st) == 0 && !S_ISDIR(st.st_mode))
		errno = ENOTDIR;
	else if (access(folder, W_OK | X_OK) == 0)
		return NULL;
	return psprintf("unix_socket_directories: no socket can be made in \"%s\": %s", folder,
					strerror(errno));
}

/* The first problem of a path in the list that the parameter holds. */
static char *
first_problem(const char *parameter, char *(*problem_of)(const char *path))
{
	List *paths = NIL;
	ListCell *cell;

	(void) SplitDirectoriesString(castssl_parameter_at_start(parameter), ',', &paths);
	foreach (cell, paths)
	{
		char *problem = problem_of(lfirst(cell));

		if (problem)
			return problem;
	}
	return NULL;
}

char *
castssl_startup_problem(void)
{
	char *problem = first_problem("shared_preload_libraries", library_problem);

	return problem ? problem : first_problem("unix_socket_directories", folder_problem);
}
