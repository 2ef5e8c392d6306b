/*
 * issue.h
 *		A small certificate authority: its own certificate, and the certificates that it
 *		issues.
 *
 * Follows RFC 5280; issued certificates pass "openssl verify -x509_strict".  Serial
 * numbers are random, 128 bits.  Certificates and CRLs are valid from five minutes
 * before now, because some hosts have a clock that is a little late. now is in seconds
 * since 1970-01-01 00:00 UTC, valid_for in seconds.  All PEM texts are palloc'd.
 */
#ifndef CASTSSL_TLS_ISSUE_H
#define CASTSSL_TLS_ISSUE_H

#include "tls/pem.h"

#define CASTSSL_CLOCK_SLACK 300 /* seconds by which the clock of another host may be late */

/* A CA: its certificate and the matching private key.  The memory context owns both handles. */
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
 * Make a self-signed CA certificate CN=common_name that may issue end certificates only
 * (path length 0).  On failure returns NULL and adds an error finding ("ca").
 */
extern char *castssl_ca_make(const char *common_name, EVP_PKEY *key, int64 now, int64 valid_for,
							 CastsslFindings *findings);

/*
 * Read a CA from its PEM texts.  Returns false and adds an error finding if a text cannot be
 * read ("certificate_parse", "key_parse"), or ("ca") if the certificate is no CA, the key does
 * not match, or the certificate is not valid now.
 */
extern bool castssl_authority_read(const CastsslPem *certificate, const CastsslPem *key, int64 now,
								   CastsslAuthority *authority, CastsslFindings *findings);

/*
 * Issue the certificate for a request.  Copies the subject and the names
 * (castssl_request_names), and no other extension.  On failure returns NULL and adds an
 * error finding ("request", "weak", "certificate_dates").  If the CA expires earlier, the
 * certificate ends with the CA, and a warning finding says so.
 */
extern char *castssl_request_sign(const CastsslPem *request, const CastsslAuthority *authority,
								  int64 now, int64 valid_for, CastsslPurpose purpose,
								  CastsslFindings *findings);

#endif
