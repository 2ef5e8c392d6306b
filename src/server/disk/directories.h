/*
 * directories.h
 *		Directories of our own: made and removed.  Errors as in files.h.
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

#endif
