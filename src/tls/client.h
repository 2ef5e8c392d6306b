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

/* The certificates of a CA file, and what the server says of their own chains. */
typedef struct CastsslIssuers
{
	const char **names; /* as pg_stat_ssl shows them */
	int *errors;        /* X509_V_... */
	int count;
} CastsslIssuers;

/* Verify each certificate of a CA file by that file and these CRLs; NULL: none is asked for. */
extern CastsslIssuers *castssl_client_issuers(const CastsslCertificates *ca,
											  const CastsslCertificates *crls, int64 now);

/*
 * What the server says of the CA of which pg_stat_ssl shows that name, and of those above it:
 * X509_V_OK if there is one that it takes.
 */
extern int castssl_client_issuer_error(const CastsslIssuers *issuers, const char *issuer);

#endif
