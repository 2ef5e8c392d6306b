/*
 * platform_folder.c
 *		A folder that is held open, and the files in it by their names there.
 */
#include "postgres.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "storage/fd.h"

#include "base/compat.h"
#include "server/process/platform_folder.h"

#ifndef WIN32

#ifndef O_PATH
#define O_PATH O_RDONLY
#endif

#define LOOK_UP (O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)

/* Open the last folder for reading, which a sync needs; if it cannot be read, for names alone. */
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

/* Not AllocateDir, which takes a path. */
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
