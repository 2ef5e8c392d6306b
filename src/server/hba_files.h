/*
 * hba_files.h
 *		pg_hba.conf where it lies: located, read with its includes, as a policy.
 */
#ifndef CASTSSL_SERVER_HBA_FILES_H
#define CASTSSL_SERVER_HBA_FILES_H

#include "hba/match/ident.h"
#include "hba/text/rule.h"

/* Files of a candidate that stand in for live ones; data is not NUL-terminated. */
typedef struct CastsslHbaOverlay
{
	const char *path; /* of the live file, as the policy names it */
	const char *data;
	size_t length;
} CastsslHbaOverlay;

/*
 * The policy of the file that hba_file names, for this server's own grammar, with the
 * overlay's bytes in place of the files that it names.  Everything is palloc'd
 * in the current context.  Files of more than 64 MB are refused (a rule with an
 * error).  Not a cache: reads the disk each time.
 *
 * An overlay decides which other files are read: 42501 where it names one that
 * the live files do not, and castssl_path_resolve does not let the caller name it.
 */
extern CastsslHbaPolicy *castssl_hba_files_read(const CastsslHbaOverlay *overlay, int noverlay);

/* The same live files as another PostgreSQL major would read them: 13 .. 19. */
extern CastsslHbaPolicy *castssl_hba_files_read_as(int version);

/* pg_ident.conf as it is: the file that ident_file names, and what it includes. */
extern CastsslIdent *castssl_ident_file_read(void);

/*
 * The bytes of a file as the server would read it, links followed;
 * NUL-terminated beyond *length.  NULL, and an errno in *error, when it cannot
 * be read: EFBIG where it is too large, EINVAL where it is a pipe or a socket.
 */
extern char *castssl_hba_file_bytes(const char *path, size_t *length, int *error);

/* Absolute path of name as written in the file outer (PostgreSQL: AbsoluteConfigLocation). */
extern char *castssl_hba_file_locate(const char *name, const char *outer);

/*
 * What include_dir takes from a directory, in its order (PostgreSQL:
 * GetConfFilesInDir): false, and *error in the server's words, when it cannot.
 */
extern bool castssl_hba_file_list(const char *directory, char ***paths, int *count, char **error);

#endif
