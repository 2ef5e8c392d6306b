/*
 * ident.h
 *		pg_ident.conf: which external names may log in as which role.
 *
 * PostgreSQL: parse_ident_line, check_ident_usermap and check_usermap in hba.c.
 */
#ifndef CASTSSL_HBA_MATCH_IDENT_H
#define CASTSSL_HBA_MATCH_IDENT_H

#include "hba/match/match.h"

typedef struct CastsslIdentLine
{
	const char *path; /* of its file */
	int line_number;  /* 0: the file itself cannot be read */
	const char *map;
	CastsslHbaToken system_user;
	CastsslHbaToken role;
	const char *error; /* the server's error for the line; NULL: a valid line */
} CastsslIdentLine;

/* If the file has an error, the server does not load it at all. */
typedef struct CastsslIdent
{
	int version;
	CastsslIdentLine *lines;
	int count;
} CastsslIdent;

/*
 * world->regexp, with the bytes of string that the first parentheses matched; *start is -1
 * without such a match.  In a server this is castssl_hba_capture (server/world.h).
 */
typedef CastsslAnswer (*CastsslRegexpCapture)(const CastsslHbaWorld *world, const char *pattern,
											  const char *string, int *start, int *end);

/*
 * Read ident_file and the files that it includes, for that major.  Never fails, like
 * castssl_hba_policy_read.
 */
extern CastsslIdent *castssl_ident_read(const char *path, const CastsslHbaReader *reader,
										int version);

/* A question: who may log in as this role by this map? */
typedef struct CastsslIdentAsked
{
	const char *map;
	const char *role;
	bool fold; /* ignore case in names (krb_caseins_users, for gss and sspi) */
	const CastsslHbaWorld *world;
	CastsslRegexpCapture capture;
} CastsslIdentAsked;

/*
 * Index of the line of the map that lets system_user log in as the role; -1 if there is
 * none. *problem (palloc'd) is set if the server would stop at a line that it cannot
 * use; else NULL.
 */
extern int castssl_ident_match(const CastsslIdent *ident, const CastsslIdentAsked *asked,
							   const char *system_user, char **problem);

/*
 * Indexes of the lines of the map by which somebody can log in as the role, in order, palloc'd;
 * sets *count.  A line without a regular expression admits the user whom it names.  A line with
 * one may admit nobody: it is unknown here which users the expression matches.
 */
extern int *castssl_ident_admitting(const CastsslIdent *ident, const CastsslIdentAsked *asked,
									int *count);

/* Does it have a valid line of that map? */
extern bool castssl_ident_has_map(const CastsslIdent *ident, const char *map);

/* The first line with an error; NULL: the server loads the file. */
extern const CastsslIdentLine *castssl_ident_error(const CastsslIdent *ident);

/*
 * The line that lets system_user log in as role: map "system user" role, quoted where needed.
 * Palloc'd; NULL if it is not castssl_is_pasteable() (base/words.h).
 */
extern char *castssl_ident_format(const char *map, const char *system_user, const char *role);

#endif
