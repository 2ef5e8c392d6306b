/*
 * platform_folder.h
 *		A folder that is held open, and its files by their names in it.
 *
 * Renaming a folder cannot redirect these functions: once it is open, its path is not looked up
 * again.  None of them follows a symbolic link, and none waits for the other end of a FIFO.
 * Windows has no such system calls.  There they use the path, and an account that can write to a
 * folder on the way can redirect them with a junction, which needs no special right.
 */
#ifndef CASTSSL_SERVER_PROCESS_PLATFORM_FOLDER_H
#define CASTSSL_SERVER_PROCESS_PLATFORM_FOLDER_H

#include <sys/stat.h>

#include "nodes/pg_list.h"

typedef struct CastsslFolder
{
	const char *path; /* absolute */
	int fd;           /* -1: Windows */
} CastsslFolder;

/*
 * Open folder->path.  False and errno on failure: ELOOP or ENOTDIR if a component is a
 * symbolic link.
 */
extern bool castssl_platform_folder_open(CastsslFolder *folder);

/*
 * Open the folder name in a folder, for which the caller has set child->path; and close a folder.
 */
extern bool castssl_platform_folder_open_in(const CastsslFolder *folder, const char *name,
											CastsslFolder *child);
extern void castssl_platform_folder_close(CastsslFolder *folder);

/*
 * Like the system calls of these names, for the folder itself or for a name in it: -1, with errno
 * set, on failure.  Syncing a folder does nothing, and returns 0, if the folder cannot be read or
 * the system cannot sync folders.
 */
extern int castssl_platform_folder_stat(const CastsslFolder *folder, struct stat *st);
extern int castssl_platform_folder_access(const CastsslFolder *folder, int mode);
extern int castssl_platform_folder_sync(const CastsslFolder *folder);
extern int castssl_platform_open_in(const CastsslFolder *folder, const char *name, int flags,
									mode_t mode);
extern int castssl_platform_stat_in(const CastsslFolder *folder, const char *name, struct stat *st);
extern int castssl_platform_mkdir_in(const CastsslFolder *folder, const char *name, mode_t mode);
extern int castssl_platform_rmdir_in(const CastsslFolder *folder, const char *name);
extern int castssl_platform_unlink_in(const CastsslFolder *folder, const char *name);
extern int castssl_platform_rename_in(const CastsslFolder *folder, const char *from,
									  const CastsslFolder *other, const char *to);

/*
 * Exchange two files atomically, or rename one to a name that must not exist yet (EEXIST).
 * ENOSYS or EINVAL if the system or the file system cannot.
 */
extern int castssl_platform_exchange_in(const CastsslFolder *folder, const char *a, const char *b);
extern int castssl_platform_rename_new_in(const CastsslFolder *folder, const char *from,
										  const char *to);

/*
 * Like castssl_platform_real_path, but follows only links that nobody but root and the
 * server's account can put in place or exchange: NULL and EPERM for another one.
 */
extern char *castssl_platform_real_path_guarded(const char *path);

/* The names in the folder, char *, without . and .., palloc'd.  False and errno on failure. */
extern bool castssl_platform_names_in(const CastsslFolder *folder, List **names);

#endif
