/*
 * client.h
 *		How a server judges a client's certificate.
 *
 * PostgreSQL: be_tls_open_server and CheckCertAuth.  The server verifies a certificate
 * during the handshake, before it reads pg_hba.conf.  A client whose certificate the
 * server does not accept cannot connect.
 */
#ifndef CASTSSL_TLS_CLIENT_H
#define CASTSSL_TLS_CLIENT_H

#include "tls/certificate.h"
#include "tls/pem.h"

/* Strings are palloc'd. */
typedef struct CastsslClient
{
	CastsslCertificate certificate; /* the client's own: the first one in the PEM text */
	const char *cn; /* as the server compares it: the first commonName; NULL if it has none */
	const char *dn; /* the subject, RFC 2253, as the server compares it */
	/* why the handshake fails, a clause; NULL: the server accepts the client */
	const char *problem;
} CastsslClient;

/* On what terms a server takes client certificates. */
typedef struct CastsslClientTerms
{
	CastsslPem ca; /* data is not NULL */
	CastsslPem
		crl; /* data NULL: no CRL is asked for; length 0: one is asked for, and none is there */
	const char *ciphers; /* ssl_ciphers, whose @SECLEVEL counts; NULL: OpenSSL's default */
} CastsslClientTerms;

/*
 * Judge a client that shows these certificates, its own first.  now is in seconds
 * since 1970-01-01 00:00 UTC.  False and an error finding ("certificate_parse")
 * where a text has no certificate that can be read.
 */
extern bool castssl_client_judge(const CastsslPem *shown, const CastsslClientTerms *terms,
								 int64 now, CastsslClient *client, CastsslFindings *findings);

#endif
