/*
 * folder.h
 *		The folders of the files that a call reads and writes, each opened once.
 *
 * So what is checked of a file and what is then done to it happen in the same folder, even if
 * somebody renames folders in between.  All code of server/disk goes through these functions.
 */
#ifndef CASTSSL_SERVER_DISK_FOLDER_H
#define CASTSSL_SERVER_DISK_FOLDER_H

#include "base/compat.h"
#include "server/process/platform_folder.h"

/*
 * A folder by its path, which is absolute with links resolved.  It stays open until the call
 * ends, or the transaction if no call runs.  NULL, with errno set, if it cannot be opened: ELOOP
 * or ENOTDIR if a component is a symbolic link now.
 *
 * Our own folders in pg_castssl are looked up again each time, because they are removed and made
 * anew.  Nobody else can write there.  Of these only the last few stay open: there is one for each
 * change.
 */
extern const CastsslFolder *castssl_folder_find(const char *directory);

/* As above; raises what castssl_file_raise_open raises. */
extern const CastsslFolder *castssl_folder_open(const char *directory);

/* The folder of a file, and the file's name in it. */
extern const CastsslFolder *castssl_folder_find_of(const char *path, const char **name);
extern const CastsslFolder *castssl_folder_of(const char *path, const char **name);

/* Raise the error of an open that failed with that errno: 42501, 58P01, or by its class. */
pg_noreturn extern void castssl_file_raise_open(const char *path, int error);

#endif
