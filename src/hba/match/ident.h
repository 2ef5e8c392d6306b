/*
 * ident.h
 *		pg_ident.conf: which names of the outside may log in as which role.
 *
 * PostgreSQL: parse_ident_line, check_ident_usermap and check_usermap in hba.c.
 */
#ifndef CASTSSL_HBA_MATCH_IDENT_H
#define CASTSSL_HBA_MATCH_IDENT_H

#include "hba/match/match.h"

typedef struct CastsslIdentLine
{
	const char *path; /* of its file */
	int line_number;
	const char *map;
	CastsslHbaToken system_user;
	CastsslHbaToken role;
	const char *error; /* what the server would say of the line; NULL: a good one */
} CastsslIdentLine;

/* A file with an error in it is not loaded by the server as a whole. */
typedef struct CastsslIdent
{
	int version;
	CastsslIdentLine *lines;
	int count;
} CastsslIdent;

/*
 * What the server's regular expressions say: castssl_hba_capture.  arg is handed
 * through.
 */
typedef CastsslAnswer (*CastsslRegexpCapture)(const CastsslHbaWorld *world, const char *pattern,
											  const char *string, int *start, int *end);

/* Read ident_file and what it includes, for that major.  Never fails, as castssl_hba_policy_read.
 */
extern CastsslIdent *castssl_ident_read(const char *path, const CastsslHbaReader *reader,
										int version);

/*
 * Index of the line of the map that lets system_user in as role; -1 when none
 * does.  *problem (palloc'd) is set when the server would stop at a line that it cannot
 * use; else NULL.
 */
extern int castssl_ident_match(const CastsslIdent *ident, const char *map, const char *system_user,
							   const char *role, const CastsslHbaWorld *world,
							   CastsslRegexpCapture capture, char **problem);

/* The line that would let it in: "map "system user" role", quoted where needed.  Palloc'd. */
extern char *castssl_ident_format(const char *map, const char *system_user, const char *role);

#endif
