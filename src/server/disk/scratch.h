/*
 * scratch.h
 *		Files for the server's own loaders, invisible to everyone else.
 *
 * If the system has files in memory (Linux), nothing is written to disk, so looking at
 * a private key leaves no copy.  On other systems the files are in
 * pg_castssl/candidate, and after a crash the next call removes them.
 */
#ifndef CASTSSL_SERVER_DISK_SCRATCH_H
#define CASTSSL_SERVER_DISK_SCRATCH_H

#define CASTSSL_SCRATCH_DIRECTORY "candidate" /* in pg_castssl */

typedef struct CastsslScratch
{
	bool in_memory;
	int count;
	int capacity;
	char **paths; /* by number; the names by which this process can open them */
	int *fds;     /* in_memory: keep the files open, and thereby alive; -1: no file */
} CastsslScratch;

/* Begin. castssl_scratch_end must follow, also after an error (PG_FINALLY). */
extern void castssl_scratch_begin(CastsslScratch *scratch);

/* Make a new, empty file and return its number. 53000 if too many files are open. */
extern int castssl_scratch_new(CastsslScratch *scratch);

/* The number of a path at which there is no file. */
extern int castssl_scratch_missing(CastsslScratch *scratch);

/* Write the file, once, with mode 0600. */
extern void castssl_scratch_write(CastsslScratch *scratch, int number, const char *data,
								  size_t length);

/* Remove all of them. */
extern void castssl_scratch_end(CastsslScratch *scratch);

/*
 * The text with the path of file number replaced everywhere; the same text if the path
 * does not occur in it.
 */
extern const char *castssl_scratch_rename(const CastsslScratch *scratch, int number,
										  const char *text, const char *name);

#endif
