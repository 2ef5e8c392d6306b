/*
 * arrival.h
 *		Has a client come in since a change, in the way that it wants clients to come?
 */
#ifndef CASTSSL_FLOW_ASK_ARRIVAL_H
#define CASTSSL_FLOW_ASK_ARRIVAL_H

#include "change/record.h"

typedef struct CastsslArrival
{
	bool seen;
	/* only where none was seen: */
	const char *wanted; /* "over TLS", "by TCP"; NULL: the caller in a new session, whichever way */
	const char
		*detail; /* sentences: why the caller's session does not count, who cannot come back */
	/* the arguments of a psql with which the caller would come in so; NULL: there is none to tell
	 */
	const char *conninfo;
	bool certificate; /* that needs a client certificate */
} CastsslArrival;

/*
 * A session that began after the change took effect shows that a client can come in: the
 * caller's own or another one that is still there.  Where the change touches TLS, or a rule
 * for clients that come over it, it came in so if TLS is on and a rule admits somebody over it;
 * where the change touches such clients or others that come by TCP, it came in by TCP if a rule
 * admits somebody so.  Where nobody can come by TCP (listen_addresses is empty, no such rule), or
 * the change touches no such rule, the caller's own new session will do.  Reads pg_hba.conf.
 * Palloc'd.
 */
extern CastsslArrival castssl_arrival(const CastsslChange *change);

#endif
