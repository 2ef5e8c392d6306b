/*
 * directories.h
 *		Directories: our own are made and removed, and who may write to one.  Errors as in
 *		files.h.
 */
#ifndef CASTSSL_SERVER_DISK_DIRECTORIES_H
#define CASTSSL_SERVER_DISK_DIRECTORIES_H

/*
 * Make a directory, if it does not exist, and sync its parent.  Mode 0700, or 0750 in a
 * cluster whose group may read it (initdb --allow-group-access).  42501 where something
 * else has its name, such as a symbolic link.
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

/* 42501 unless the server may create and replace files in this directory. */
extern void castssl_directory_check_writable(const char *path);

/* What to do about a folder on a read-only file system: it may be one for systemd's service alone.
 */
extern char *castssl_directory_read_only_hint(const char *path);

/* 42501 if accounts other than the server's may put files into the directory. */
extern void castssl_directory_check_private(const char *path);

/*
 * 42501 if accounts other than root and the server's may put files into the directory,
 * or another directory in its place: by its own mode and owner, or those of its parents.
 * A parent in which everybody may make files but remove only his own (a sticky one,
 * such as /tmp) will do where root or the server's account owns what leads on.  The path is
 * absolute, with links resolved.
 */
extern void castssl_directory_check_guarded(const char *path);

#endif
