/*
 * revoked.h
 *		Do CRLs revoke a certificate of which only issuer and serial number are known?
 */
#ifndef CASTSSL_TLS_REVOKED_H
#define CASTSSL_TLS_REVOKED_H

#include "tls/client.h"

typedef enum CastsslRevoked
{
	CASTSSL_NOT_REVOKED,
	CASTSSL_REVOKED,
	CASTSSL_ISSUER_REVOKED, /* its issuer or a CA above it is revoked */
	CASTSSL_WITHOUT_CRL,    /* there is no CRL of its issuer, so the handshake fails as well */
	CASTSSL_PERHAPS_REVOKED /* several CAs may be its issuer, with different answers */
} CastsslRevoked;

/*
 * Does a server that checks these CRLs refuse a certificate as revoked? issuers is the result of
 * castssl_client_issuers() with the same CRLs; NULL: unknown. issuer is the name in pg_stat_ssl,
 * which cuts names to NAMEDATALEN - 1 bytes: each CA whose name begins with it may be the issuer.
 * serial is decimal.
 */
extern CastsslRevoked castssl_revoked(const CastsslCertificates *crls,
									  const CastsslIssuers *issuers, const char *issuer,
									  const char *serial);

/*
 * How many certificates do the CRLs before revoke that a server with those afterwards accepts?
 * after NULL: it checks none.
 */
extern int castssl_revocations_dropped(const CastsslCertificates *before,
									   const CastsslCertificates *after);

#endif
