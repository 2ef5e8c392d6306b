/*
 * revoked.h
 *		Do CRLs refuse a certificate of which only issuer and serial number are known?
 */
#ifndef CASTSSL_TLS_REVOKED_H
#define CASTSSL_TLS_REVOKED_H

#include "tls/certificate.h"

typedef enum CastsslRevoked
{
	CASTSSL_NOT_REVOKED,
	CASTSSL_REVOKED,
	CASTSSL_WITHOUT_CRL /* there is no CRL of its issuer, so the handshake fails as well */
} CastsslRevoked;

/*
 * What a server that asks these CRLs says of a certificate.  issuer is as pg_stat_ssl shows it,
 * and its first NAMEDATALEN - 1 bytes count; serial is decimal.
 */
extern CastsslRevoked castssl_revoked(const CastsslCertificates *crls, const char *issuer,
									  const char *serial);

#endif
