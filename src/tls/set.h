/*
 * set.h
 *		What a server uses for TLS: certificate, key, CA and CRL.
 */
#ifndef CASTSSL_TLS_SET_H
#define CASTSSL_TLS_SET_H

#include "tls/pem.h"

/* Everything that a server is to use for TLS. */
typedef struct CastsslTlsSet
{
	CastsslPem certificate; /* server certificate, then its intermediates, as sent to clients */
	CastsslPem key;
	CastsslPem ca;  /* what client certificates are checked against; may be absent */
	CastsslPem crl; /* may be absent */

	/*
	 * Passphrase of an encrypted key, NULL when nobody knows it: then key against
	 * certificate cannot be checked here, and the server's own loader decides.
	 */
	const char *passphrase;
	int64 now;            /* seconds since 1970-01-01 00:00 UTC */
	int64 expiry_warning; /* seconds ahead of notAfter and nextUpdate that warn */
	const char *
		*host_names; /* names and addresses that clients use for this host; NULL: not known */
	int nhost_names;
	void (*check_for_interrupts)(void); /* called now and then, may raise; NULL: not wanted */
} CastsslTlsSet;

#endif
