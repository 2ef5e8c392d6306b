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

/* What a server requires of client certificates. */
typedef struct CastsslClientTerms
{
	CastsslPem ca;       /* data is not NULL */
	CastsslPem crl;      /* data NULL: the server checks no CRL; length 0: it does, but has none */
	const char *ciphers; /* ssl_ciphers, which may set @SECLEVEL; NULL: OpenSSL's default */
} CastsslClientTerms;

/*
 * Judge a client that shows these certificates, its own first. now is in seconds since
 * 1970-01-01 00:00 UTC.  If one of the texts cannot be read, or if shown begins with a CRL,
 * returns false and adds an error finding ("certificate_parse").
 */
extern bool castssl_client_judge(const CastsslPem *shown, const CastsslClientTerms *terms,
								 int64 now, CastsslClient *client, CastsslFindings *findings);

/* The certificates of a CA file, and whether the server accepts the chain of each. */
typedef struct CastsslIssuers
{
	const char **names; /* as pg_stat_ssl shows them */
	int *errors;        /* X509_V_OK, X509_V_ERR_... */
	int count;
} CastsslIssuers;

/*
 * Verify each certificate of a CA file by that file and these CRLs (NULL: the server checks no
 * CRL), at now (seconds since 1970-01-01 00:00 UTC).  Palloc'd.
 */
extern CastsslIssuers *castssl_client_issuers(const CastsslCertificates *ca,
											  const CastsslCertificates *crls, int64 now);

/*
 * The result for the CA with that name, as pg_stat_ssl shows it: X509_V_OK if the server accepts
 * the chain of one CA with the name, else an X509_V_ERR_...
 */
extern int castssl_client_issuer_error(const CastsslIssuers *issuers, const char *issuer);

#endif
