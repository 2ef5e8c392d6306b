/*
 * revoked.h
 *		Do CRLs refuse a certificate of which only issuer and serial number are known?
 */
#ifndef CASTSSL_TLS_REVOKED_H
#define CASTSSL_TLS_REVOKED_H

#include "tls/client.h"

typedef enum CastsslRevoked
{
	CASTSSL_NOT_REVOKED,
	CASTSSL_REVOKED,
	CASTSSL_ISSUER_REVOKED, /* or a CA above that */
	CASTSSL_WITHOUT_CRL,    /* there is no CRL of its issuer, so the handshake fails as well */
	CASTSSL_PERHAPS_REVOKED /* its issuer is one of several, which differ in that */
} CastsslRevoked;

/*
 * What a server that asks these CRLs says of a certificate.  issuers are its CAs as the CRLs leave
 * them; NULL: not known.  issuer is as pg_stat_ssl shows it, which cuts a name to NAMEDATALEN - 1
 * bytes: each CA whose name begins so may be meant.  serial is decimal.
 */
extern CastsslRevoked castssl_revoked(const CastsslCertificates *crls,
									  const CastsslIssuers *issuers, const char *issuer,
									  const char *serial);

#endif
