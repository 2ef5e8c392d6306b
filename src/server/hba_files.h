/*
 * hba_files.h
 *		Finds pg_hba.conf, and reads it with its includes, as a policy.
 */
#ifndef CASTSSL_SERVER_HBA_FILES_H
#define CASTSSL_SERVER_HBA_FILES_H

#include "nodes/pg_list.h"

#include "hba/match/ident.h"
#include "hba/text/rule.h"

/* A file that is read in place of a live one; data is not NUL-terminated. */
typedef struct CastsslHbaOverlay
{
	const char *path; /* path of the live file, as the policy names it */
	const char *data;
	size_t length;
} CastsslHbaOverlay;

/*
 * The policy of the file that hba_file names, for this server's own grammar.  The
 * overlay's bytes replace the files that it names.  Everything is palloc'd in the
 * current context.  A file of more than 64 MB is refused (a rule with an error).  The
 * policy is not cached.  Within a call, the bytes of each file are read once
 * (server/process/call.h).
 *
 * An overlay decides which other files are read.  Raises 42501 if it names a file that
 * the live files do not name, and that castssl_path_resolve does not allow the caller.
 */
extern CastsslHbaPolicy *castssl_hba_files_read(const CastsslHbaOverlay *overlay, int noverlay);

/*
 * The same with what undoing a change restores.  The overlay's path has its links resolved.  It may
 * name any file, whoever calls, because its lines were in the live files before.
 */
extern CastsslHbaPolicy *castssl_hba_files_read_undone(const CastsslHbaOverlay *overlay);

/* The policy of another file than the one that hba_file names. */
extern CastsslHbaPolicy *castssl_hba_files_read_from(const char *path);

/* The same live files as another PostgreSQL major would read them (base/majors.h). */
extern CastsslHbaPolicy *castssl_hba_files_read_as(int version);

/*
 * The absolute paths of all files and directories that pg_hba.conf, pg_ident.conf and their
 * included files name, whether they exist or not: char *, palloc'd.
 */
extern List *castssl_hba_files_named(void);

/* pg_ident.conf as it is: the file that ident_file names, and the files that it includes. */
extern CastsslIdent *castssl_ident_file_read(void);

/*
 * Why the server refuses this pg_ident.conf, with file and line, palloc'd; NULL if the server
 * loads it.
 */
extern char *castssl_ident_file_problem(const CastsslIdent *ident);

/*
 * The bytes of a file as the server would read it, links followed, with a NUL after *length
 * bytes.  If it cannot be read, returns NULL and sets *error to an errno: EFBIG if it is too
 * large, EINVAL if it is a pipe or a socket.  If the caller is not a superuser: EPERM if a link
 * on the way can be changed by accounts other than root and the server's, EMLINK if the file lies
 * outside of the data directory and has a second hard link (except hba_file itself).
 */
extern char *castssl_hba_file_bytes(const char *path, size_t *length, int *error);

/* Why the file cannot be read, in the words of this server. */
extern char *castssl_hba_file_error(const char *path, int error);

/* Absolute path of name, as written in the file outer (PostgreSQL: AbsoluteConfigLocation). */
extern char *castssl_hba_file_locate(const char *name, const char *outer);

/*
 * The files that include_dir takes from a directory, in its order (PostgreSQL:
 * GetConfFilesInDir).  On failure returns false and sets *error in the server's words.
 */
extern bool castssl_hba_file_list(const char *directory, char ***paths, int *count, char **error);

#endif
