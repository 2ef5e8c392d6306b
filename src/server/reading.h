/*
 * reading.h
 *		Bytes of files that were read for the call that runs (server/call.h).
 */
#ifndef CASTSSL_SERVER_READING_H
#define CASTSSL_SERVER_READING_H

#include <sys/stat.h>

/* A file as it was read. */
typedef struct CastsslReading
{
	const char *path;
	const char *data; /* NUL-terminated beyond length; NULL: it does not exist */
	size_t length;
	struct stat st;
	bool forgotten;
} CastsslReading;

/* What was read of that path in this call; NULL when nothing was. */
extern const CastsslReading *castssl_reading_find(const char *path);

/*
 * Keep a copy of what was read, data NULL for a file that does not exist.  It is
 * overwritten at the end of the call, for it may be a private key.  Does nothing
 * where no call runs.
 */
extern void castssl_reading_keep(const char *path, const char *data, size_t length,
								 const struct stat *st);

/* Forget what was read of a path, for it is being written; NULL: of all paths. */
extern void castssl_reading_forget(const char *path);

/* A copy of the bytes for the caller, who may change them.  Palloc'd; NULL as above. */
extern char *castssl_reading_copy(const CastsslReading *reading, size_t *length);

#endif
