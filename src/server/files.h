/*
 * files.h
 *		Files of this server: read, judged by the server's rules, replaced durably.
 *
 * The only place that opens files for writing.  Every error is raised with
 * SQLSTATE, DETAIL and HINT: 58P01 missing, 42501 not allowed, F0000 not what
 * it should be, 53100 disk full.  Contents are never shown.
 */
#ifndef CASTSSL_SERVER_FILES_H
#define CASTSSL_SERVER_FILES_H

#include <sys/stat.h>

#define CASTSSL_PEM_LIMIT                                                                          \
	((size_t) 4 * 1024 * 1024) /* bytes of a certificate, key, CA or CRL file */
#define CASTSSL_HBA_LIMIT ((size_t) 64 * 1024 * 1024) /* bytes of a pg_hba.conf */

/*
 * Read a regular file of at most limit bytes (58P01, 42501, F0000).  path is
 * the result of castssl_path_resolve (server/paths.h): opened without following links, so that
 * nobody can swap one in between.  NUL-terminated beyond *length.  st may be NULL.
 * Within a call of a SQL function, a file that was read already is not read again
 * (server/call.h).
 */
extern char *castssl_file_read(const char *path, size_t limit, size_t *length, struct stat *st);

/* As above, but NULL when the file does not exist. */
extern char *castssl_file_read_if_exists(const char *path, size_t limit, size_t *length,
										 struct stat *st);

/*
 * Would the server refuse a private key file of that owner and mode, and can we
 * mend it?  0: good as it is; otherwise the mode to give it (we own it and it
 * is too open).  Raises 42501 with the chown or chmod line when only somebody
 * else can mend it (PostgreSQL: check_ssl_key_file_permissions).
 */
extern mode_t castssl_key_mode_wanted(const char *path, const struct stat *st);

/* The mode for a copy of somebody else's file: as ours, the server takes no key that a group can
 * read. */
extern mode_t castssl_file_mode_as_ours(mode_t mode);

/* Is somebody else than the server's account its owner? */
extern bool castssl_file_is_of_another(const struct stat *st);

/* Can others than its owner read or write the file? */
extern bool castssl_file_is_open_to_others(const struct stat *st);

/* 42501 when a new file at path could not be given the owner of the one that it replaces. */
extern void castssl_file_check_owner_stays(const char *path, const struct stat *owner);

/* 42501 unless the server may create and replace files in this folder. */
extern void castssl_directory_check_writable(const char *directory);

/*
 * Create a file that must not exist, with its final mode from the first
 * instant, and write it.  Not durable by itself: castssl_file_sync.
 */
extern void castssl_file_write(const char *path, const char *data, size_t length, int mode);

/* The same, and the file is synced; its folder is not. */
extern void castssl_file_create(const char *path, const char *data, size_t length, int mode);

/* Rename a file or a directory durably, within one filesystem. */
extern void castssl_file_rename(const char *from, const char *to);

/*
 * Replace or create path durably: a new file beside it, synced, renamed, the
 * folder synced.  Where owner is not NULL its uid and gid are given to the new
 * file (42501 when the server may not).
 */
extern void castssl_file_replace(const char *path, const char *data, size_t length, mode_t mode,
								 const struct stat *owner);

/*
 * The same, but its folder is left to the caller to sync: after a crash the old
 * or the new file is there.
 */
extern void castssl_file_replace_unsynced(const char *path, const char *data, size_t length,
										  mode_t mode, const struct stat *owner);

/* Change the mode of a file that we own. */
extern void castssl_file_set_mode(const char *path, mode_t mode);

/* Remove a file, durably; it need not exist. */
extern void castssl_file_remove(const char *path);

/* Remove what a crash in castssl_file_replace may have left beside path. */
extern void castssl_file_remove_leftover(const char *path);

/* fsync a file or a directory. */
extern void castssl_file_sync(const char *path, bool is_directory);

/* 42501 where others than the server's account may put files into the directory. */
extern void castssl_directory_check_private(const char *directory);

/* Make a directory 0700, its parent synced; it may exist. */
extern void castssl_directory_make(const char *path);

/* The same, not synced: for what need not survive a crash.  False when it existed. */
extern bool castssl_directory_make_temporary(const char *path);

/*
 * Remove a directory and all in it; it need not exist.  Of anything else with
 * that name only itself goes, not what a link leads to.  Not synced: should it
 * come back after a crash, whoever owns it removes it again.
 */
extern void castssl_directory_remove(const char *path);

/* Remove all in a directory. */
extern void castssl_directory_empty(const char *path);

/* SHA-256 of bytes as lower-case hex. */
extern char *castssl_file_hash(const char *data, size_t length);

#endif
