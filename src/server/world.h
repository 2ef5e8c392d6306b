/*
 * world.h
 *		Facts of this server that decide which line of pg_hba.conf matches.
 */
#ifndef CASTSSL_SERVER_WORLD_H
#define CASTSSL_SERVER_WORLD_H

#include "hba/match/match.h"

/*
 * Roles, regular expressions, addresses of this host and host names, with the same
 * checks as in hba.c. palloc'd in the current context, together with a cache: get a new
 * one for each call of an SQL function.  Roles need a transaction; host_name may wait
 * for DNS.
 *
 * A role that does not exist has no members, as for the server.
 */
extern const CastsslHbaWorld *castssl_hba_world(void);

/* As above, with the list of all roles for castssl_hba_compare. */
extern const CastsslHbaWorld *castssl_hba_world_with_roles(void);

/*
 * world->regexp, and the match of its first parenthesis: bytes *start to *end of string.
 * *start is -1 if the pattern has no parenthesis, or if the parenthesis took no part in
 * the match.
 */
extern CastsslAnswer castssl_hba_capture(const CastsslHbaWorld *world, const char *pattern,
										 const char *string, int *start, int *end);

/* This server's error for a pattern or for the name of a RADIUS server; NULL if it accepts it. */
extern char *castssl_hba_regexp_error(const char *pattern);
extern char *castssl_hba_radius_error(const char *server);

/*
 * Can this server have GSSAPI-encrypted connections?  It needs a build with GSSAPI and
 * an existing keytab.
 */
extern bool castssl_hba_gss_possible(void);

#endif
