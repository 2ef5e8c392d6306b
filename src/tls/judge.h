/*
 * judge.h
 *		What is wrong with one certificate by itself: its dates, its strength, its form.
 *
 * The caller chooses the severity: an error for the server's own certificate, a
 * warning for one of many CAs.
 */
#ifndef CASTSSL_TLS_JUDGE_H
#define CASTSSL_TLS_JUDGE_H

#include "tls/certificate.h"
#include "tls/set.h"

/* For example: certificate 2 of "root.crt" (CN=x).  Palloc'd. */
extern char *castssl_certificate_label(const CastsslCertificate *certificate, const char *file);

/* Is the certificate valid at this time? */
extern bool castssl_in_force(const CastsslCertificate *certificate, int64 now);

/*
 * Does a certificate or CRL that is valid expire within so many seconds, and within the last third
 * of its lifetime, the last three days of a certificate or six hours of a CRL?  One of 7 days is
 * renewed every few days, and not late on its first one.
 */
extern bool castssl_expires_soon(const CastsslCertificate *item, int64 now, int64 warning);

/*
 * Check "certificate_dates" ("crl_dates" for a CRL).  Adds a finding of the given
 * severity if the item is not valid now, a warning if it expires soon by
 * set->expiry_warning.
 */
extern void castssl_judge_dates(const CastsslTlsSet *set, const CastsslCertificate *certificate,
								const char *file, CastsslSeverity severity,
								CastsslFindings *findings);

/*
 * What is too weak: the certificate's key (RSA under 2048 bits, others under 112 bits of
 * security: the minimum of OpenSSL's security level 2), or its signature (SHA-1, MD5).
 * The signature of a self-signed certificate does not count, because nobody checks it.
 * NULL: nothing is too weak.  Palloc'd.
 */
extern char *castssl_weakness(const CastsslCertificate *certificate);

/* Check "weak": adds a finding of the given severity if there is a weakness. */
extern void castssl_judge_strength(const CastsslCertificate *certificate, const char *file,
								   CastsslSeverity severity, CastsslFindings *findings);

/*
 * What verifiers reject about the form of the certificate: extensions that OpenSSL
 * cannot decode, critical extensions that OpenSSL does not know, and an EC curve without
 * a name.  A sentence; NULL if there is nothing.  The finding is a "certificate_parse".
 */
extern const char *castssl_defect(const CastsslCertificate *certificate);
extern void castssl_judge_defects(const CastsslCertificate *certificate, const char *file,
								  CastsslSeverity severity, CastsslFindings *findings);

/* Does it have an RSA key of under 3072 bits that is not too weak yet? */
extern bool castssl_is_small_rsa(const CastsslCertificate *certificate);

/*
 * Is the certificate signed without a hash of its own (Ed25519, Ed448)?  Then
 * SCRAM has nothing for channel binding (RFC 5929, section 4.1; PostgreSQL:
 * be_tls_get_certificate_hash).
 */
extern bool castssl_signature_has_no_hash(const X509 *x509);

#endif
