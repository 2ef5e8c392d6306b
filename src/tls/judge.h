/*
 * judge.h
 *		Judgement of one certificate by itself: its dates and its strength.
 *
 * The caller says what a refusal means: an error for the server's own
 * certificate, a warning for one of many CAs.
 */
#ifndef CASTSSL_TLS_JUDGE_H
#define CASTSSL_TLS_JUDGE_H

#include "tls/certificate.h"
#include "tls/set.h"

/* "certificate 2 of "root.crt" (CN=x)"; palloc'd. */
extern char *castssl_certificate_label(const CastsslCertificate *certificate, const char *file);

/* Is now within its dates? */
extern bool castssl_in_force(const CastsslCertificate *certificate, int64 now);

/*
 * "certificate_dates" ("crl_dates" for a CRL): a finding of the given severity
 * where it is out of date, a warning where it will be within set->expiry_warning.
 */
extern void castssl_judge_dates(const CastsslTlsSet *set, const CastsslCertificate *certificate,
								const char *file, CastsslSeverity severity,
								CastsslFindings *findings);

/*
 * What is too weak about the certificate's key (RSA under 2048 bits, others
 * under 112 bits of security: the floor of OpenSSL's security level 2) or its
 * signature (SHA-1, MD5; nobody checks that of a self-signed one); NULL if
 * nothing is.  palloc'd.
 */
extern char *castssl_weakness(const CastsslCertificate *certificate);

/* "weak": a finding of the given severity where there is a weakness. */
extern void castssl_judge_strength(const CastsslCertificate *certificate, const char *file,
								   CastsslSeverity severity, CastsslFindings *findings);

/*
 * What verifiers refuse about its form: extensions that OpenSSL cannot decode, or has
 * to understand and does not, and an EC curve without a name.  A sentence; NULL if
 * there is nothing.  The finding is a "certificate_parse".
 */
extern const char *castssl_defect(const CastsslCertificate *certificate);
extern void castssl_judge_defects(const CastsslCertificate *certificate, const char *file,
								  CastsslSeverity severity, CastsslFindings *findings);

/* Has it an RSA key of under 3072 bits that is not too weak yet? */
extern bool castssl_is_small_rsa(const CastsslCertificate *certificate);

#endif
