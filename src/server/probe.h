/*
 * probe.h
 *		What a client gets on this server's own TCP port, now.
 *
 * Uses libpq (fe_secure), and takes nothing from the environment: no service, no
 * password file, no client certificate or root certificate of the server's account.
 * Non-blocking: waits on the process latch, and notices a query cancel or termination
 * request even while interrupts are held off.
 */
#ifndef CASTSSL_SERVER_PROBE_H
#define CASTSSL_SERVER_PROBE_H

#include "nodes/pg_list.h"

/* Does this server have a TCP port (listen_addresses is not empty)? */
extern bool castssl_probe_possible(void);

/*
 * Do a TLS handshake, and disconnect before the startup packet (the server logs at most
 * "connection received").  Returns the SHA-256 of the served certificate in lower-case
 * hex.  If there was none within timeout milliseconds, returns NULL and sets *problem
 * (palloc'd).
 */
extern char *castssl_probe_certificate(int timeout, char **problem);

/* The same, but returns all certificates that the server sends, its own first, as PEM. */
extern char *castssl_probe_chain(void);

/*
 * The same handshake, but sets *names to the CAs that the server names when it asks for a client
 * certificate: those of the CA file that it has loaded.  They are char *, in the form of
 * castssl_name_slashes; NIL: it asks for no certificate.  False if there was no handshake.
 */
extern bool castssl_probe_authorities(List **names);

/*
 * Ask for TLS, and disconnect.  True if the server answered that it offers none.  Else
 * *problem (palloc'd) says what came instead: TLS, no answer within timeout
 * milliseconds, a cancel, ...
 */
extern bool castssl_probe_no_tls(int timeout, char **problem);

typedef enum CastsslProbeAnswer
{
	CASTSSL_PROBE_ADMITTED, /* asked for authentication, or admitted */
	/* no pg_hba.conf entry, reject, or a missing certificate (SQLSTATE 28000) */
	CASTSSL_PROBE_REFUSED,
	CASTSSL_PROBE_UNCLEAR /* anything else: see *problem */
} CastsslProbeAnswer;

/*
 * Try to log in without a password and a certificate, over TLS or in plaintext, from
 * loopback.  The connection ends as soon as the answer is known.  Over TLS, *served is
 * the result that castssl_probe_certificate would return. *problem (palloc'd) is the
 * server's reason, also when it refuses; may be NULL.
 */
extern CastsslProbeAnswer castssl_probe_login(const char *database, const char *user, bool tls,
											  int timeout, char **served, char **problem);

/*
 * The first numeric address that this server listens on, loopback for a wildcard; NULL if it has
 * no TCP port.  Looks up host names in listen_addresses.  Palloc'd.
 */
extern char *castssl_probe_host(void);

/*
 * The numeric address that the last probe of this process connected to ("127.0.0.1",
 * "::1", ...).  For a wildcard in listen_addresses this is loopback.  NULL if there was
 * no probe.
 */
extern const char *castssl_probe_address(void);

#endif
