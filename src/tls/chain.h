/*
 * chain.h
 *		The server's certificate and its intermediates, as clients see them.
 */
#ifndef CASTSSL_TLS_CHAIN_H
#define CASTSSL_TLS_CHAIN_H

#include "tls/certificate.h"
#include "tls/set.h"

/*
 * Verify one certificate as OpenSSL would: X509_V_OK, or the error, with
 * *depth (may be NULL) where in the chain.  flags are X509_V_FLAG_...; purpose
 * is X509_PURPOSE_..., 0 for none.  Raises nothing.
 */
extern int castssl_chain_error(X509_STORE *store, X509 *target, STACK_OF(X509) * untrusted,
							   unsigned long flags, int purpose, int64 now, int *depth);

/* The same of a CA certificate, which is to have certificates below it. */
extern int castssl_ca_chain_error(X509_STORE *store, X509 *ca, unsigned long flags, int64 now);

/*
 * "chain", "key_usage", and "certificate_dates" and "weak" of everything in the
 * chain: certificate holds the certificates of set->certificate, the first one
 * is the server's, ca those of set->ca.  What is wrong with the first or with
 * what it needs is an error, what only some clients mind a warning.
 */
extern void castssl_judge_chain(const CastsslTlsSet *set, const CastsslCertificates *certificate,
								const CastsslCertificates *ca, CastsslFindings *findings);

#endif
