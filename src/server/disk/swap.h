/*
 * swap.h
 *		Put a prepared file in the place of another one, and lose nobody's edit.
 *
 * Somebody else may write a file between the moment when a change reads it and the
 * moment when the change replaces it.  So both functions look at the file again: 55000
 * where it is not the expected one, and then it is as it was.  Where the system can
 * swap two files at one instant (Linux), they look at the file that came out.
 *
 * expected is a SHA-256 (castssl_file_hash); NULL: there must be no file.
 */
#ifndef CASTSSL_SERVER_DISK_SWAP_H
#define CASTSSL_SERVER_DISK_SWAP_H

#include <sys/stat.h>

/*
 * Put what castssl_file_prepare(path, ...) wrote in the place of path.  The caller syncs
 * the folder.
 */
extern void castssl_swap(const char *path, const char *expected);

/* 55006 where nothing can take the place of path, because it is a mount point. */
extern void castssl_swap_check(const char *path);

/* Remove path, durably. */
extern void castssl_swap_away(const char *path, const char *expected);

/*
 * The hash of a file as it lies on the disk at this moment, whatever the call has read
 * before; NULL when it does not exist.  Palloc'd.  st may be NULL.
 */
extern char *castssl_hash_on_disk(const char *path, struct stat *st);

/* Two hashes, or other strings, of which both may be NULL. */
extern bool castssl_same_text(const char *a, const char *b);

/* 55000: path is not as it was when the change looked at it. */
extern void castssl_swap_raise_changed(const char *path);

#endif
