/*
 * scratch.h
 *		Files for the server's own loaders to read, which nobody else ever sees.
 *
 * Where the system has files in memory (Linux), nothing is written to a disk, so
 * a private key that is only looked at leaves no copy.  Elsewhere they lie in
 * pg_castssl/candidate, which the next call removes after a crash.
 */
#ifndef CASTSSL_SERVER_SCRATCH_H
#define CASTSSL_SERVER_SCRATCH_H

#define CASTSSL_SCRATCH_DIRECTORY "candidate" /* in pg_castssl */

typedef struct CastsslScratch
{
	bool in_memory;
	int count;
	int capacity;
	char **paths; /* by number; this process can open them by these names */
	int *fds;     /* in_memory: they keep the files */
} CastsslScratch;

/* Begin.  castssl_scratch_end must follow, also after an error (PG_FINALLY). */
extern void castssl_scratch_begin(CastsslScratch *scratch);

/* A new, empty file; its number.  53000 where too many files are open. */
extern int castssl_scratch_new(CastsslScratch *scratch);

/* Write it, once, with mode 0600. */
extern void castssl_scratch_write(CastsslScratch *scratch, int number, const char *data,
								  size_t length);

/* All of them go. */
extern void castssl_scratch_end(CastsslScratch *scratch);

/* The text with the path of file number, wherever it stands, replaced; the same text where it
 * stands nowhere. */
extern const char *castssl_scratch_rename(const CastsslScratch *scratch, int number,
										  const char *text, const char *name);

#endif
