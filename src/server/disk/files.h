/*
 * files.h
 *		Files of this server: reads them, applies the server's rules to them, replaces
 *		them durably.
 *
 * The only code that opens files for writing.  Every error is raised with SQLSTATE,
 * DETAIL and HINT: 58P01 missing, 42501 not allowed, F0000 not of the expected kind,
 * 53100 disk full.  Contents are never shown.
 */
#ifndef CASTSSL_SERVER_DISK_FILES_H
#define CASTSSL_SERVER_DISK_FILES_H

#include <sys/stat.h>

#include "base/compat.h"

/* Most bytes of a certificate, key or CA, and of a CRL, in a file or an argument. */
#define CASTSSL_PEM_LIMIT ((size_t) 4 * 1024 * 1024)
#define CASTSSL_CRL_LIMIT ((size_t) 64 * 1024 * 1024)
#define CASTSSL_HBA_LIMIT ((size_t) 64 * 1024 * 1024) /* most bytes of a pg_hba.conf */

/*
 * Read a regular file of at most limit bytes (58P01, 42501, F0000). path is the result
 * of castssl_path_resolve (server/disk/paths.h).  It is opened without following links, in a
 * folder that stays open until the call ends (server/disk/folder.h), so nobody can put another
 * one in its place in between; and without waiting for a writer.  The data has a NUL after *length
 * bytes. st may be NULL.  Within a call of a SQL function, a file is read only once
 * (server/process/call.h).
 */
extern char *castssl_file_read(const char *path, size_t limit, size_t *length, struct stat *st);

/* As above, but NULL if the file does not exist. */
extern char *castssl_file_read_if_exists(const char *path, size_t limit, size_t *length,
										 struct stat *st);

/*
 * Has somebody put something else in the place of a file: a link, a folder, a FIFO, a file of more
 * than CASTSSL_HBA_LIMIT bytes, or a link in the place of one of its folders?
 */
extern bool castssl_file_is_replaced(const char *path);

/* Only the last of these: nothing can be made, looked at or removed by that path. */
extern bool castssl_file_folder_is_replaced(const char *path);

/*
 * Open a file for reading as the server does: links are followed, but nothing waits for the other
 * end of a FIFO.  With guarded, only links that nobody but root and the server's account can put
 * in place or exchange.  -1 and errno on failure: EPERM for another link.
 */
extern int castssl_file_open_following(const char *path, bool guarded);

/*
 * Read an open file to its end, and close it.  NULL, and an errno in *error, on failure: EISDIR
 * or EINVAL if it is no regular file, EFBIG if it has more than limit bytes, EAGAIN if somebody
 * writes it meanwhile.  The data has a NUL after *length bytes.
 */
extern char *castssl_file_read_open(int fd, size_t limit, size_t *length, struct stat *st,
									int *error);

/* Does the text contain a private key? */
extern bool castssl_file_holds_key(const char *data, size_t length);

/* 42501 if a new file at path could not get the owner of the file that it replaces. */
extern void castssl_file_check_owner_stays(const char *path, const struct stat *owner);

/*
 * Create a file that must not exist, with its final mode from the start, and write it.
 * Not durable by itself: see castssl_file_create.
 */
extern void castssl_file_write(const char *path, const char *data, size_t length, int mode);

/* As above, and sync the file, but not its folder. */
extern void castssl_file_create(const char *path, const char *data, size_t length, int mode);

/*
 * Create an empty file, if that is possible.  Not durable, and raises no error: for the end of a
 * transaction.
 */
extern void castssl_file_mark(const char *path);

/* Rename a file or a directory durably, within one filesystem. */
extern void castssl_file_rename(const char *from, const char *to);

/*
 * Replace or create path durably: write a new file beside it, sync it, rename it, sync
 * the folder.  If owner is not NULL, the new file gets its uid and gid (42501 if the
 * server may not do that).
 */
extern void castssl_file_replace(const char *path, const char *data, size_t length, mode_t mode,
								 const struct stat *owner);

/*
 * The first half of that: write the new file beside path, synced, with its owner and mode.
 * server/disk/swap.h has the second half.
 */
extern void castssl_file_prepare(const char *path, const char *data, size_t length, mode_t mode,
								 const struct stat *owner);

/* The name of that file.  Palloc'd. */
extern char *castssl_file_temporary(const char *path);

/* Raise the error of a rename that failed with errno. */
pg_noreturn extern void castssl_file_raise_rename(const char *from, const char *to);

/* Change the mode of a file that we own. */
extern void castssl_file_set_mode(const char *path, mode_t mode);

/* Remove a file durably, if it exists. */
extern void castssl_file_remove(const char *path);

/* Remove what a crash in castssl_file_replace may have left beside path. */
extern void castssl_file_remove_leftover(const char *path);

/*
 * fsync a directory, also with fsync = off: that setting is about the data, not about our files.
 * A failure is an ERROR, never a PANIC.
 */
extern void castssl_directory_sync(const char *directory);

/* errcode() of a write that failed, by errno: a quota or a limit is a full disk, too. */
extern int castssl_errcode_for_write(void);

/* SHA-256 of bytes as lower-case hex. */
extern char *castssl_file_hash(const char *data, size_t length);

#endif
