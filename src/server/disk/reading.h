/*
 * reading.h
 *		The bytes of files that the current call has read (server/process/call.h).
 */
#ifndef CASTSSL_SERVER_DISK_READING_H
#define CASTSSL_SERVER_DISK_READING_H

#include <sys/stat.h>

/* A file as it was read. */
typedef struct CastsslReading
{
	const char *path;
	const char *data; /* has a NUL after length bytes; NULL: the file does not exist */
	size_t length;
	struct stat st;
	bool forgotten;
} CastsslReading;

/* What this call has read from that path; NULL if nothing. */
extern const CastsslReading *castssl_reading_find(const char *path);

/*
 * Keep a copy of what was read; data is NULL for a file that does not exist.  The copy
 * is overwritten at the end of the call, because it may be a private key.  Does nothing
 * if no call runs.
 */
extern void castssl_reading_keep(const char *path, const char *data, size_t length,
								 const struct stat *st);

/* Forget what was read from a path, because it is about to be written; NULL: from all paths. */
extern void castssl_reading_forget(const char *path);

/* A copy of the bytes, which the caller may change.  Palloc'd; NULL if the file does not exist. */
extern char *castssl_reading_copy(const CastsslReading *reading, size_t *length);

#endif
