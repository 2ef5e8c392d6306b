/*
 * platform_folder.c
 *		A folder that is held open, and its files by their names in it.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "storage/fd.h"

#include "base/compat.h"
#include "server/process/platform.h"
#include "server/process/platform_folder.h"
#include "server/process/platform_link.h"

#ifndef WIN32

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

#define LOOK_UP (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/*
 * Open the last folder for reading, which a sync needs; if it cannot be read, only to look up
 * names.
 */
static int
open_last(int folder, const char *name)
{
	int fd = openat(folder, name, O_RDONLY | LOOK_UP);

	return fd < 0 && errno == EACCES ? openat(folder, name, O_PATH | LOOK_UP) : fd;
}

bool
castssl_platform_folder_open(CastsslFolder *folder)
{
	const char *path = folder->path;
	int fd = open("/", O_PATH | LOOK_UP);

	while (fd >= 0)
	{
		char component[MAXPGPATH];
		size_t length;
		int next;
		int error;

		path += strspn(path, "/");
		length = strcspn(path, "/");
		strlcpy(component, length == 0 ? "." : path, Min(Max(length, 1) + 1, sizeof(component)));
		path += length;
		if (length >= sizeof(component))
		{
			/* LCOV_EXCL_START: realpath has accepted the path */
			close(fd);
			errno = ENAMETOOLONG;
			return false;
			/* LCOV_EXCL_STOP */
		}
		next = path[strspn(path, "/")] ? openat(fd, component, O_PATH | LOOK_UP)
									   : open_last(fd, component);
		error = errno;
		close(fd);
		errno = error;
		fd = next;
		if (path[strspn(path, "/")] == '\0')
			break;
	}
	folder->fd = fd;
	return fd >= 0;
}

bool
castssl_platform_folder_open_in(const CastsslFolder *folder, const char *name, CastsslFolder *child)
{
	child->fd = open_last(folder->fd, name);
	return child->fd >= 0;
}

void
castssl_platform_folder_close(CastsslFolder *folder)
{
	close(folder->fd);
	folder->fd = -1;
}

int
castssl_platform_folder_stat(const CastsslFolder *folder, struct stat *st)
{
	return fstat(folder->fd, st);
}

int
castssl_platform_folder_access(const CastsslFolder *folder, int mode)
{
	return faccessat(folder->fd, ".", mode, 0);
}

int
castssl_platform_folder_sync(const CastsslFolder *folder)
{
	int rc;

	do
	{
		rc = fsync(folder->fd);
	} while (rc != 0 && errno == EINTR);
	return rc != 0 && (errno == EBADF || errno == EINVAL) ? 0 : rc;
}

int
castssl_platform_open_in(const CastsslFolder *folder, const char *name, int flags, mode_t mode)
{
	return openat(folder->fd, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode);
}

int
castssl_platform_stat_in(const CastsslFolder *folder, const char *name, struct stat *st)
{
	return fstatat(folder->fd, name, st, AT_SYMLINK_NOFOLLOW);
}

int
castssl_platform_mkdir_in(const CastsslFolder *folder, const char *name, mode_t mode)
{
	return mkdirat(folder->fd, name, mode);
}

int
castssl_platform_rmdir_in(const CastsslFolder *folder, const char *name)
{
	return unlinkat(folder->fd, name, AT_REMOVEDIR);
}

int
castssl_platform_unlink_in(const CastsslFolder *folder, const char *name)
{
	return unlinkat(folder->fd, name, 0);
}

int
castssl_platform_rename_in(const CastsslFolder *folder, const char *from,
						   const CastsslFolder *other, const char *to)
{
	return renameat(folder->fd, from, other->fd, to);
}

int
castssl_platform_exchange_in(const CastsslFolder *folder, const char *a, const char *b)
{
#ifdef RENAME_EXCHANGE
	return renameat2(folder->fd, a, folder->fd, b, RENAME_EXCHANGE);
#else
	errno = ENOSYS;
	return -1;
#endif
}

int
castssl_platform_rename_new_in(const CastsslFolder *folder, const char *from, const char *to)
{
#ifdef RENAME_NOREPLACE
	return renameat2(folder->fd, from, folder->fd, to, RENAME_NOREPLACE);
#else
	errno = ENOSYS;
	return -1;
#endif
}

static bool
is_roots_or_ours(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

/* Is it a link that only root and this account can create or replace? */
static bool
is_guarded_link(int folder, const char *name)
{
	struct stat in;
	struct stat st;

	return fstat(folder, &in) == 0 && fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		   S_ISLNK(st.st_mode) && is_roots_or_ours(&in) && is_roots_or_ours(&st) &&
		   ((in.st_mode & (S_IWGRP | S_IWOTH)) == 0 || (in.st_mode & S_ISVTX) != 0);
}

/* Cut the first component off a path. */
static bool
cut_component(char *path, char *component)
{
	size_t start = strspn(path, "/");
	size_t length = strcspn(path + start, "/");

	memcpy(component, path + start, length);
	component[length] = '\0';
	memmove(path, path + start + length, strlen(path + start + length) + 1);
	return length > 0;
}

/* Put the target of a link in front of the rest of the path; *absolute: the target is absolute. */
static bool
follow_link(int folder, const char *name, char *path, bool *absolute)
{
	char target[MAXPGPATH];
	ssize_t length = readlinkat(folder, name, target, sizeof(target));

	if (length <= 0 || length + strlen(path) + 1 >= MAXPGPATH)
		return false;
	memmove(path + length, path, strlen(path) + 1);
	memcpy(path, target, length);
	*absolute = target[0] == '/';
	return true;
}

/*
 * Append a component to a path that begins as "", or remove the last one for ".."; false: too
 * long.
 */
static bool
append_component(char *path, const char *name)
{
	size_t length = strlen(path);

	if (strcmp(name, ".") == 0)
		return true;
	if (strcmp(name, "..") == 0)
	{
		path[length > 0 ? strrchr(path, '/') - path : 0] = '\0';
		return true;
	}
	return snprintf(path + length, MAXPGPATH - length, "/%s", name) < MAXPGPATH - length;
}

/*
 * One step from the folder fd: to the next folder, or to the target of a link.  A new descriptor;
 * -1, with errno set, on failure.
 */
static int
step(int fd, const char *name, char *left, char *resolved, int *links)
{
	bool absolute;
	struct stat st;

	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return -1;
	if (S_ISLNK(st.st_mode))
	{
		errno = ++*links > CASTSSL_MOST_LINKS ? ELOOP : EPERM;
		if (*links > CASTSSL_MOST_LINKS || !is_guarded_link(fd, name) ||
			!follow_link(fd, name, left, &absolute))
			return -1;
		if (!absolute)
			return dup(fd);
		resolved[0] = '\0';
		return open("/", O_PATH | LOOK_UP);
	}
	errno = ENAMETOOLONG;
	if (!append_component(resolved, name))
		return -1;
	return left[strspn(left, "/")] ? openat(fd, name, O_PATH | LOOK_UP) : dup(fd);
}

char *
castssl_platform_real_path_guarded(const char *path)
{
	char left[MAXPGPATH];
	char name[MAXPGPATH];
	char resolved[MAXPGPATH] = "";
	int links = 0;
	int fd;

	if (strlcpy(left, path, sizeof(left)) >= sizeof(left))
	{
		errno = ENAMETOOLONG;
		return NULL;
	}
	fd = open("/", O_PATH | LOOK_UP);
	while (fd >= 0 && cut_component(left, name))
	{
		int next = step(fd, name, left, resolved, &links);
		int error = errno;

		close(fd);
		errno = error;
		fd = next;
	}
	if (fd < 0)
		return NULL;
	close(fd);
	return pstrdup(resolved[0] ? resolved : "/");
}

static List *
append_names(List *names, DIR *directory)
{
	struct dirent *entry;

	while ((entry = readdir(directory)) != NULL)
	{
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			names = lappend(names, pstrdup(entry->d_name));
	}
	return names;
}

/* Does not use AllocateDir(), which takes a path.  Closes the directory. */
static bool
read_names(DIR *directory, List **names)
{
	int error;

	PG_TRY();
	{
		errno = 0;
		*names = append_names(NIL, directory);
	}
	PG_CATCH(); /* LCOV_EXCL_START: out of memory */
	{
		closedir(directory);
		PG_RE_THROW();
	} /* LCOV_EXCL_STOP */
	PG_END_TRY();
	error = errno;
	closedir(directory);
	errno = error;
	return error == 0;
}

bool
castssl_platform_names_in(const CastsslFolder *folder, List **names)
{
	int fd = openat(folder->fd, ".", O_RDONLY | LOOK_UP);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);

	if (directory == NULL)
	{
		/* LCOV_EXCL_START: out of memory, or a folder of ours that we cannot read */
		if (fd >= 0)
			close(fd);
		return false;
		/* LCOV_EXCL_STOP */
	}
	return read_names(directory, names);
}

#else /* WIN32 */

static const char *
path_of(const CastsslFolder *folder, const char *name)
{
	return psprintf("%s/%s", folder->path, name);
}

bool
castssl_platform_folder_open(CastsslFolder *folder)
{
	struct stat st;

	folder->fd = -1;
	if (stat(folder->path, &st) != 0)
		return false;
	errno = ENOTDIR;
	return S_ISDIR(st.st_mode);
}

bool
castssl_platform_folder_open_in(const CastsslFolder *folder, const char *name, CastsslFolder *child)
{
	return castssl_platform_folder_open(child);
}

void
castssl_platform_folder_close(CastsslFolder *folder)
{
}

int
castssl_platform_folder_stat(const CastsslFolder *folder, struct stat *st)
{
	return stat(folder->path, st);
}

int
castssl_platform_folder_access(const CastsslFolder *folder, int mode)
{
	return access(folder->path, mode);
}

int
castssl_platform_folder_sync(const CastsslFolder *folder)
{
	return 0;
}

int
castssl_platform_open_in(const CastsslFolder *folder, const char *name, int flags, mode_t mode)
{
	return open(path_of(folder, name), flags | PG_BINARY, mode);
}

int
castssl_platform_stat_in(const CastsslFolder *folder, const char *name, struct stat *st)
{
	return lstat(path_of(folder, name), st);
}

int
castssl_platform_mkdir_in(const CastsslFolder *folder, const char *name, mode_t mode)
{
	return mkdir(path_of(folder, name), mode);
}

int
castssl_platform_rmdir_in(const CastsslFolder *folder, const char *name)
{
	return rmdir(path_of(folder, name));
}

int
castssl_platform_unlink_in(const CastsslFolder *folder, const char *name)
{
	return unlink(path_of(folder, name));
}

int
castssl_platform_rename_in(const CastsslFolder *folder, const char *from,
						   const CastsslFolder *other, const char *to)
{
	return rename(path_of(folder, from), path_of(other, to));
}

int
castssl_platform_exchange_in(const CastsslFolder *folder, const char *a, const char *b)
{
	errno = ENOSYS;
	return -1;
}

int
castssl_platform_rename_new_in(const CastsslFolder *folder, const char *from, const char *to)
{
	errno = ENOSYS;
	return -1;
}

char *
castssl_platform_real_path_guarded(const char *path)
{
	return castssl_platform_real_path(path);
}

bool
castssl_platform_names_in(const CastsslFolder *folder, List **names)
{
	DIR *directory = AllocateDir(folder->path);
	struct dirent *entry;

	*names = NIL;
	if (directory == NULL)
		return false;
	while ((entry = ReadDir(directory, folder->path)) != NULL)
	{
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			*names = lappend(*names, pstrdup(entry->d_name));
	}
	FreeDir(directory);
	return true;
}

#endif
