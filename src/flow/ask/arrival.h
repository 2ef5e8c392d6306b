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
	/* only if none was seen: */
	bool closed;        /* nobody could come so now, and detail says why */
	const char *wanted; /* "over TLS", "by TCP"; NULL: the caller in a new session, whichever way */
	const char
		*detail; /* sentences: why the caller's session does not count, who cannot come back */
	/* the arguments of a psql that would bring the caller in this way; NULL: none is known */
	const char *conninfo;
	bool certificate; /* the connection needs a client certificate */
} CastsslArrival;

/*
 * A session that began after the change took effect shows that a client can come in: the caller's
 * own or another one that is still there, if it came in as flow/ask/way_in.h says.  If that way
 * is closed now, no session shows it.  If the change touches no way in by TCP, the caller's own
 * new session is enough.  Reads pg_hba.conf.  Palloc'd.
 */
extern CastsslArrival castssl_arrival(const CastsslChange *change);

#endif
