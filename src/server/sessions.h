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
	/* the server's address of the connection; only castssl_session_own sets it */
	const char *server_address;
	const char *client_dn; /* of the certificate that the client showed; NULL: none */
	const char *issuer_dn;
	const char *principal;     /* that GSSAPI authenticated; NULL: none */
	const char *client_serial; /* of the certificate, decimal; not set by castssl_session_own */
	const char *tls_version;   /* "TLSv1.3"; NULL without TLS */
	const char *tls_cipher;
	const char *application; /* application_name, with a pooler its client's; may be NULL or "" */
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
 * Do both come in the same way: same user, database, address, encryption and certificate?
 * Several such sessions are often a pool.
 */
extern bool castssl_session_is_alike(const CastsslSession *a, const CastsslSession *b);

/*
 * This backend's own session, from MyProcPort, palloc'd in the current context; NULL in
 * a background worker.
 */
extern const CastsslSession *castssl_session_own(void);

/*
 * The sessions of this moment, as one word for each, palloc'd. castssl_session_is_among tells
 * later whether a session is one of them, even if the clock was changed meanwhile.
 */
extern char *castssl_sessions_identities(void);

/* Is the session one of identities?  False if identities is NULL. */
extern bool castssl_session_is_among(const CastsslSession *session, const char *identities);

#endif
