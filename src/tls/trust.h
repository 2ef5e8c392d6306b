/*
 * trust.h
 *		The CA file and the CRL file: which client certificates the server accepts.
 */
#ifndef CASTSSL_TLS_TRUST_H
#define CASTSSL_TLS_TRUST_H

#include "tls/certificate.h"
#include "tls/set.h"

/*
 * All that a server would trust with these files.  It reads certificates and CRLs from both. crl
 * may be NULL.  NULL: out of memory.
 */
extern X509_STORE *castssl_trust_store(const CastsslCertificates *ca,
									   const CastsslCertificates *crl);

/*
 * Checks "ca_is_ca", "chain", "key_usage", "certificate_dates" and "weak" of the CA
 * file.  As long as one CA in the file works, a defect of another CA is a warning: the
 * server loads the file, and refuses only the clients of that CA.
 */
extern void castssl_judge_ca(const CastsslTlsSet *set, const CastsslCertificates *ca,
							 CastsslFindings *findings);

/*
 * Checks "crl_dates" and "crl_issuer".  The server checks every certificate of the chain
 * (X509_V_FLAG_CRL_CHECK_ALL).  So it refuses all clients of a CA without a valid CRL,
 * which is an error.
 */
extern void castssl_judge_crl(const CastsslTlsSet *set, const CastsslCertificates *ca,
							  const CastsslCertificates *crl, CastsslFindings *findings);

/*
 * The names of the CAs in ca, but for those with this key (NULL: for none), of which there is no
 * CRL in crl (NULL: there are none) or among ca; a list in a sentence, palloc'd.  NULL: each has
 * one.
 */
extern char *castssl_trust_without_crl(const CastsslCertificates *ca,
									   const CastsslCertificates *crl, EVP_PKEY *except);

#endif
