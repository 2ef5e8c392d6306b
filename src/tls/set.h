/*
 * set.h
 *		What a server uses for TLS: certificate, key, CA and CRL.
 */
#ifndef CASTSSL_TLS_SET_H
#define CASTSSL_TLS_SET_H

#include "tls/pem.h"

typedef struct CastsslTlsSet
{
	CastsslPem certificate; /* server certificate, then its intermediates, as sent to clients */
	CastsslPem key;
	CastsslPem ca;  /* verifies client certificates; may be absent */
	CastsslPem crl; /* may be absent */

	/*
	 * Passphrase of an encrypted key, NULL if unknown.  Then nothing here can compare
	 * key and certificate, and only the server's own loader can tell.
	 */
	const char *passphrase;
	int64 now; /* seconds since 1970-01-01 00:00 UTC */
	/*
	 * seconds before notAfter and nextUpdate from which on there is a warning, or a third of
	 * the lifetime, where that is less
	 */
	int64 expiry_warning;
	const char **host_names; /* names and addresses that clients use for this host; NULL: unknown */
	int nhost_names;
} CastsslTlsSet;

#endif
