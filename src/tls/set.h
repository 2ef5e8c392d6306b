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
	/* the root of this server's own small CA, which clients may trust; may be absent */
	CastsslPem authority;

	int64 now; /* seconds since 1970-01-01 00:00 UTC */
	/*
	 * warn from so many seconds before notAfter and nextUpdate on; less for a short lifetime
	 * (castssl_expires_soon)
	 */
	int64 expiry_warning;
	const char **host_names; /* names and addresses that clients use for this host; NULL: unknown */
	int nhost_names;
	/* the statement that names certificate and key the other way round; NULL: unknown */
	const char *swapped;
} CastsslTlsSet;

#endif
