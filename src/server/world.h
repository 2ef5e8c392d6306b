/*
 * world.h
 *		What this server knows that decides which line of pg_hba.conf matches.
 */
#ifndef CASTSSL_SERVER_WORLD_H
#define CASTSSL_SERVER_WORLD_H

#include "hba/match/match.h"

/*
 * Roles, regular expressions, this host's addresses and host names, asked the
 * way hba.c asks.  palloc'd in the current context, with a cache that lives as
 * long: get a new one for each call of an SQL function.  Roles need a
 * transaction; host_name may wait for DNS.
 *
 * A role that does not exist has no members, as the server sees it.
 */
extern const CastsslHbaWorld *castssl_hba_world(void);

/* The same with the list of all roles, which castssl_hba_compare can use. */
extern const CastsslHbaWorld *castssl_hba_world_with_roles(void);

/*
 * world->regexp with what its first parenthesis matched: bytes *start to *end of
 * string; *start is -1 where the pattern has none or it took no part.
 */
extern CastsslAnswer castssl_hba_capture(const CastsslHbaWorld *world, const char *pattern,
										 const char *string, int *start, int *end);

/* What this server says of a pattern or of a RADIUS server's name that it refuses; else NULL. */
extern char *castssl_hba_regexp_error(const char *pattern);
extern char *castssl_hba_radius_error(const char *server);

/* Can this server have GSSAPI-encrypted connections (built with it, and its keytab exists)? */
extern bool castssl_hba_gss_possible(void);

#endif
