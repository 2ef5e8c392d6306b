/*
 * client.h
 *		What a server makes of a client's certificate.
 *
 * PostgreSQL: be_tls_open_server and CheckCertAuth.  The server verifies what it
 * is shown while the handshake goes on, whatever pg_hba.conf says: a client whose
 * certificate it does not accept gets no further.
 */
#ifndef CASTSSL_TLS_CLIENT_H
#define CASTSSL_TLS_CLIENT_H

#include "tls/certificate.h"
#include "tls/pem.h"

/* Strings are palloc'd. */
typedef struct CastsslClient
{
	CastsslCertificate certificate; /* the client's own: the first one in its PEM text */
	const char *cn;      /* as the server compares it: the first commonName; NULL if it has none */
	const char *dn;      /* the subject, RFC 2253, as the server compares it */
	const char *problem; /* why the handshake fails, a clause; NULL: it is accepted */
} CastsslClient;

/*
 * Judge a client that shows these certificates, its own first.  ca and crl are those of
 * the server; ca->data must not be NULL, crl->data may be.  now is in seconds since
 * 1970-01-01 00:00 UTC.  False and an error finding ("certificate_parse") where
 * a text has no certificate that can be read.
 */
extern bool castssl_client_judge(const CastsslPem *shown, const CastsslPem *ca,
								 const CastsslPem *crl, int64 now, CastsslClient *client,
								 CastsslFindings *findings);

#endif
