/*
 * swap.h
 *		Replaces a file with a prepared one, without losing somebody else's edit.
 *
 * Somebody else may write a file between the moment when a change reads it and the moment when
 * the change replaces it.  So both functions check the file again.  If it is not the expected
 * one, they raise 55000 and leave it as it is.  Where the system can exchange two files
 * atomically (Linux), castssl_swap checks the file that it has taken out.
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

/* 55006 if path cannot be replaced, because it is a mount point. */
extern void castssl_swap_check(const char *path);

/* Remove path, durably. */
extern void castssl_swap_away(const char *path, const char *expected);

/*
 * The hash of a file as it is on the disk now, even if the call has read it before; NULL if it
 * does not exist.  Palloc'd.  st may be NULL.
 */
extern char *castssl_hash_on_disk(const char *path, struct stat *st);

/* Raise 55000: path has changed since the change read it. */
extern void castssl_swap_raise_changed(const char *path);

#endif
