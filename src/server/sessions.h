/*
 * sessions.h
 *		Live client sessions and walsenders, as the server's own views show them.
 */
#ifndef CASTSSL_SERVER_SESSIONS_H
#define CASTSSL_SERVER_SESSIONS_H

#include "datatype/timestamp.h"
#include "hba/match/match.h"

typedef struct CastsslSession
{
	int pid;
	const char *backend_type; /* "client backend" or "walsender" */
	CastsslConnection connection;
	const char *address; /* text of the client's address; NULL for a Unix-domain socket */
	/* that it connected to; only castssl_session_own sets it */
	const char *server_address;
	const char *client_dn; /* of the certificate that the client showed; NULL: none */
	const char *issuer_dn;
	const char *principal;     /* that GSSAPI authenticated; NULL: none */
	const char *client_serial; /* its serial number, decimal; castssl_session_own does not set it */
	const char *tls_version;   /* "TLSv1.3"; NULL without TLS */
	const char *tls_cipher;
	const char *application; /* as the client calls itself; a pooler has its client's; NULL, "" */
	TimestampTz started;
} CastsslSession;

/*
 * All of them (pg_stat_get_activity, on which pg_stat_activity, pg_stat_ssl and
 * pg_stat_gssapi are based), palloc'd in the current context; sets *count.  Leaves out
 * sessions that have not logged in yet, and sessions whose role was dropped meanwhile.
 * Needs a transaction with a snapshot, and the rights to read all of pg_stat_activity.
 * The database of physical replication is "".
 */
extern CastsslSession *castssl_sessions_read(int *count);

/*
 * Do they come in the same way: user, database, address, encryption, certificate?  Several that do
 * are a pool, often.
 */
extern bool castssl_session_is_alike(const CastsslSession *a, const CastsslSession *b);

/*
 * This backend's own session, from MyProcPort, palloc'd in the current context; NULL in
 * a background worker.
 */
extern const CastsslSession *castssl_session_own(void);

/*
 * Who is connected at this moment, as one word for each session, so that it can be told
 * later whether a session is among them, whatever the clock has done meanwhile.  Palloc'd.
 */
extern char *castssl_sessions_identities(void);

/* Is the session among them?  False where identities is NULL. */
extern bool castssl_session_is_among(const CastsslSession *session, const char *identities);

#endif
