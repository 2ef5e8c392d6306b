/*
 * probe.h
 *		What a client gets on this server's own TCP port, now.
 *
 * By libpq (fe_secure), with nothing taken from the environment: no service,
 * password file, client certificate or root certificate of the account that
 * the server runs as.  Non-blocking: waits on the process latch and notices a
 * query cancel or termination request even while interrupts are held off.
 */
#ifndef CASTSSL_SERVER_PROBE_H
#define CASTSSL_SERVER_PROBE_H

/* Has this server a TCP port (listen_addresses is not empty)? */
extern bool castssl_probe_possible(void);

/*
 * TLS handshake, and goodbye before the startup packet (the server logs at most
 * "connection received").  Lower-case hex SHA-256 of the certificate that was served; NULL
 * with *problem set (palloc'd) when there was none within timeout milliseconds.
 */
extern char *castssl_probe_certificate(int timeout, char **problem);

typedef enum CastsslProbeAnswer
{
	CASTSSL_PROBE_ADMITTED, /* asked to authenticate, or let in */
	CASTSSL_PROBE_REFUSED,  /* no pg_hba.conf entry, reject, or a certificate is missing (SQLSTATE
							   28000) */
	CASTSSL_PROBE_UNCLEAR   /* anything else: *problem says what */
} CastsslProbeAnswer;

/*
 * Try to log in without a password and a certificate, over TLS or in plaintext,
 * from loopback; the connection is given up as soon as the answer is known.
 * *served is what castssl_probe_certificate would have returned, over TLS.
 * *problem (palloc'd) is the server's reason, also where it refuses; may be NULL.
 */
extern CastsslProbeAnswer castssl_probe_login(const char *database, const char *user, bool tls,
											  int timeout, char **served, char **problem);

/*
 * The numeric address that the last probe of this process connected to ("127.0.0.1", "::1", ...), a
 * wildcard of listen_addresses standing for loopback.  NULL if none.
 */
extern const char *castssl_probe_address(void);

/*
 * The value of a parameter in a connection string, as libpq reads it
 * (PQconninfoParse); NULL where it is not given or the string is none.  Palloc'd.
 */
extern char *castssl_conninfo_value(const char *conninfo, const char *keyword);

#endif
