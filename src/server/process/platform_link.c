/*
 * platform_link.c
 *		Symbolic links on the way to a file.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "port.h"
#include "utils/timestamp.h"

#include "server/process/platform.h"
#include "server/process/platform_link.h"

#ifndef WIN32

bool
castssl_platform_is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

#ifdef __APPLE__
#define CHANGED(st) ((st)->st_ctimespec)
#else
#define CHANGED(st) ((st)->st_ctim)
#endif

static TimestampTz
change_time(const struct stat *st)
{
	return time_t_to_timestamptz(CHANGED(st).tv_sec) + CHANGED(st).tv_nsec / 1000;
}

/* The target of a link, followed by the rest of the path; NULL if the link cannot be read. */
static char *
follow(const char *link, const char *rest)
{
	char target[MAXPGPATH];
	ssize_t length = readlink(link, target, sizeof(target) - 1);
	char *path;

	if (length < 0)
		return NULL; /* LCOV_EXCL_LINE: it was a link at this moment */
	target[length] = '\0';
	if (is_absolute_path(target))
		path = pstrdup(target);
	else
	{
		char *folder = pstrdup(link);

		get_parent_directory(folder);
		path = psprintf("%s/%s", folder, target);
	}
	return rest ? psprintf("%s/%s", path, rest) : path;
}

/* The path without "..", which is looked up on the disk; NULL: there is no such folder. */
static char *
without_parents(char *path)
{
	char *last = NULL;
	char *real;

	for (char *at = strstr(path, "/../"); at; at = strstr(at + 1, "/../"))
		last = at;
	if (last == NULL)
		return path;
	real = castssl_platform_real_path(pnstrdup(path, last + strlen("/..") - path));
	return real ? psprintf("%s%s", strcmp(real, "/") == 0 ? "" : real, last + strlen("/..")) : NULL;
}

char *
castssl_platform_link_out_of(const char *path, const char *folder)
{
	char *real = pstrdup(path);

	get_parent_directory(real);
	real = castssl_platform_real_path(real);
	if (real == NULL)
		return NULL; /* LCOV_EXCL_LINE: the file was found there */
	real = psprintf("%s/%s", real, last_dir_separator(path) + 1);
	for (int links = 0; links < CASTSSL_MOST_LINKS; links++)
	{
		if (real == NULL || !path_is_prefix_of_path(folder, real) ||
			!castssl_platform_is_link(real))
			return real;
		real = follow(real, NULL);
		if (real)
		{
			canonicalize_path(real);
			real = without_parents(real);
		}
	}
	return NULL;
}

TimestampTz
castssl_platform_changed_at(const char *path)
{
	TimestampTz latest = 0;
	char *rest = pstrdup(path);

	for (int links = 0; links < CASTSSL_MOST_LINKS; links++)
	{
		char *part = pstrdup(rest);
		char *end = part;
		char *target = NULL;
		struct stat st;

		/* the first part of the path that is a link */
		while (target == NULL && (end = strchr(end + 1, '/')) != NULL)
		{
			*end = '\0';
			if (castssl_platform_is_link(part))
				target = pstrdup(part);
			else
				*end = '/';
		}
		if (target == NULL && castssl_platform_is_link(part))
			target = pstrdup(part);
		if (target == NULL)
		{
			if (lstat(rest, &st) == 0)
				latest = Max(latest, change_time(&st));
			return latest;
		}
		if (lstat(target, &st) == 0)
			latest = Max(latest, change_time(&st));
		rest = follow(target, end ? end + 1 : NULL);
		if (rest == NULL)
			return latest;
	}
	return latest;
}

#else /* WIN32 */

char *
castssl_platform_link_out_of(const char *path, const char *folder)
{
	return castssl_platform_real_path(path);
}

/* Does not use the server's lstat(), which raises an error if it cannot read the link. */
bool
castssl_platform_is_link(const char *path)
{
	DWORD attributes = GetFileAttributesA(path);

	return attributes != INVALID_FILE_ATTRIBUTES && (attributes & FILE_ATTRIBUTE_REPARSE_POINT);
}

TimestampTz
castssl_platform_changed_at(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? time_t_to_timestamptz(Max(st.st_mtime, st.st_ctime)) : 0;
}

#endif
