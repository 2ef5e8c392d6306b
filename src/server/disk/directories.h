/*
 * directories.h
 *		Makes and removes our own directories, and checks who may write to a directory.  Errors
 *		as in files.h.
 */
#ifndef CASTSSL_SERVER_DISK_DIRECTORIES_H
#define CASTSSL_SERVER_DISK_DIRECTORIES_H

#include "base/compat.h"

/*
 * Make a directory, if it does not exist, and sync its parent.  Mode 0700, or 0750 in a cluster
 * whose group may read it (initdb --allow-group-access).  42501 if something else has its name,
 * such as a symbolic link.
 */
extern void castssl_directory_make(const char *path);

/* As above without a sync, for directories that need not survive a crash.  False if it existed. */
extern bool castssl_directory_make_temporary(const char *path);

/*
 * Remove a directory, if it exists, and everything in it.  If the name is not a
 * directory, removes only the entry itself, not the target of a link.  Not synced: if it
 * reappears after a crash, the code that owns it removes it again.
 */
extern void castssl_directory_remove(const char *path);

/*
 * Remove a directory, if it exists, as a whole or not at all (42501): after a crash it has
 * its own name and all its files, or another name, under which the next call removes it.
 */
extern void castssl_directory_discard(const char *path);

/* Remove everything in a directory. */
extern void castssl_directory_empty(const char *path);

/*
 * May the server create and replace files in this directory?  False, with errno set, if not; an
 * error if path does not exist or is not a directory.
 */
extern bool castssl_directory_is_writable(const char *path);

/*
 * Raise 42501: the server may not write to the directory. error is the errno; hint is the HINT or
 * NULL.
 */
pg_noreturn extern void castssl_directory_raise_unwritable(const char *path, int error,
														   const char *hint);

/*
 * A hint with the command that lets the server's account use a folder of its own, or one of
 * pg_castssl; palloc'd.  NULL for another folder: it may hold other things, so its owner must
 * stay.
 */
extern char *castssl_directory_opening_hint(const char *path);

/* Raise 42501, with a hint, if the server may not write to the directory. */
extern void castssl_directory_check_writable(const char *path);

/*
 * The hint for a folder on a read-only file system: systemd may make it so for this service
 * alone.
 */
extern char *castssl_directory_read_only_hint(const char *path);

/*
 * 42501 if accounts other than the server's may put files into the directory. other: the hint if
 * another account owns it, as root owns /tmp.
 */
extern void castssl_directory_check_private(const char *path, const char *other);

/*
 * 42501 if accounts other than root and the server's may put files into the directory, or another
 * directory in its place: by its own mode and owner, or those of its parents.  A sticky parent
 * such as /tmp, where everybody may create files, is allowed if root or the server's account owns
 * the next component of the path.  The path is absolute, with links resolved.
 */
extern void castssl_directory_check_guarded(const char *path);

#endif
