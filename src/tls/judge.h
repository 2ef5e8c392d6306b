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

/* The weakest key and signature that are good: as RSA with 2048 bits, EC with 224. */
#define CASTSSL_SECURITY_BITS_WANTED 112

/* For example: certificate 2 of "root.crt" (CN=x).  Palloc'd. */
extern char *castssl_certificate_label(const CastsslCertificate *certificate, const char *file);

/* Is the certificate valid at this time? */
extern bool castssl_in_force(const CastsslCertificate *certificate, int64 now);

/*
 * Does a valid certificate or CRL expire within warning seconds?  For a short-lived one, only the
 * last third of its lifetime counts, but at least three days of a certificate and six hours of a
 * CRL.  So a certificate that lives for 7 days does not always expire soon.
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
 * The weakness of a certificate, a sentence, palloc'd; NULL if it has none.  Its key is too
 * weak (RSA under 2048 bits, others under 112 bits of security: the minimum of OpenSSL's
 * security level 2), or its signature (SHA-1, MD5).  The signature of a self-signed certificate
 * is ignored, because nobody verifies it.
 */
extern char *castssl_weakness(const CastsslCertificate *certificate);

/* Check "weak": adds a finding of the given severity if there is a weakness. */
extern void castssl_judge_strength(const CastsslCertificate *certificate, const char *file,
								   CastsslSeverity severity, CastsslFindings *findings);

/*
 * Why verifiers reject the form of the certificate: an extension that OpenSSL cannot decode, a
 * critical extension that OpenSSL does not know, or an EC curve without a name.  A static
 * sentence; NULL if there is no defect.  The check of the finding is "certificate_parse".
 */
extern const char *castssl_defect(const CastsslCertificate *certificate);
extern void castssl_judge_defects(const CastsslCertificate *certificate, const char *file,
								  CastsslSeverity severity, CastsslFindings *findings);

/* Does it have an RSA key of under 3072 bits that is not too weak yet? */
extern bool castssl_is_small_rsa(const CastsslCertificate *certificate);

/*
 * Does the signature algorithm define no hash (Ed25519, Ed448)?  Then SCRAM cannot use channel
 * binding (RFC 5929, section 4.1; PostgreSQL: be_tls_get_certificate_hash).
 */
extern bool castssl_signature_has_no_hash(const X509 *x509);

#endif
