/*
 * issue.h
 *		A small certificate authority: its own certificate, and those it issues.
 *
 * After RFC 5280; what is issued passes "openssl verify -x509_strict".  Serial
 * numbers are random, 128 bits.  Certificates are valid from five minutes ago,
 * and so are CRLs, for hosts whose clock is a little late.  Times are seconds since
 * 1970-01-01 00:00 UTC.  All PEM texts are palloc'd.
 */
#ifndef CASTSSL_TLS_ISSUE_H
#define CASTSSL_TLS_ISSUE_H

#include "tls/pem.h"

#define CASTSSL_CLOCK_SLACK 300 /* seconds that the clock of whoever reads it may be late */

/* A CA: its certificate and the private key that belongs to it. */
typedef struct CastsslAuthority
{
	X509 *certificate;
	EVP_PKEY *key;
} CastsslAuthority;

typedef enum CastsslPurpose
{
	CASTSSL_FOR_CLIENT,
	CASTSSL_FOR_SERVER
} CastsslPurpose;

/*
 * A self-signed CA certificate CN=common_name that issues end certificates
 * only (path length 0).  NULL and an error finding ("ca").
 */
extern char *castssl_ca_make(const char *common_name, EVP_PKEY *key, int64 now, int64 valid_for,
							 CastsslFindings *findings);

/*
 * Read a CA from its PEM texts.  False and an error finding ("ca") when it is
 * none, the key is another's, or it is out of date.
 */
extern bool castssl_authority_read(const CastsslPem *certificate, const CastsslPem *key, int64 now,
								   CastsslAuthority *authority, CastsslFindings *findings);

/*
 * The certificate for a request: its subject and names (castssl_request_names),
 * no other extension of it.  NULL and an error finding ("request", "weak",
 * "certificate_dates") when it cannot be; a warning tells when the CA ends first
 * and the certificate with it.
 */
extern char *castssl_request_sign(const CastsslPem *request, const CastsslAuthority *authority,
								  int64 now, int64 valid_for, CastsslPurpose purpose,
								  CastsslFindings *findings);

#endif
