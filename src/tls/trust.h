/*
 * trust.h
 *		The CA file and the CRL file: what the server accepts of its clients.
 */
#ifndef CASTSSL_TLS_TRUST_H
#define CASTSSL_TLS_TRUST_H

#include "tls/certificate.h"
#include "tls/set.h"

/*
 * "ca_is_ca", "chain", "key_usage", "certificate_dates", "weak" of the CA file.
 * While one CA in it works, what is wrong with another is a warning: the server
 * loads the file, and only that one's clients are refused.
 */
extern void castssl_judge_ca(const CastsslTlsSet *set, const CastsslCertificates *ca,
							 CastsslFindings *findings);

/*
 * "crl_dates", "crl_issuer": the server checks every certificate of the chain
 * (X509_V_FLAG_CRL_CHECK_ALL), so every CA without a CRL that is in force has
 * all its clients refused, which is an error.
 */
extern void castssl_judge_crl(const CastsslTlsSet *set, const CastsslCertificates *ca,
							  const CastsslCertificates *crl, CastsslFindings *findings);

#endif
