/*
 * chain.h
 *		The server's certificate and its intermediates, as clients see them.
 */
#ifndef CASTSSL_TLS_CHAIN_H
#define CASTSSL_TLS_CHAIN_H

#include "tls/certificate.h"
#include "tls/set.h"

/*
 * Verify one certificate as OpenSSL does.  Returns X509_V_OK, or the error; *depth (may
 * be NULL) is then its place in the chain. flags are X509_V_FLAG_...; purpose is
 * X509_PURPOSE_..., 0 for none.  Raises nothing.
 */
extern int castssl_chain_error(X509_STORE *store, X509 *target, STACK_OF(X509) * untrusted,
							   unsigned long flags, int purpose, int64 now, int *depth);

/* As above for a CA certificate that must be able to have certificates below it. */
extern int castssl_ca_chain_error(X509_STORE *store, X509 *ca, unsigned long flags, int64 now);

/*
 * Checks "chain", "key_usage", and "certificate_dates" and "weak" for every certificate
 * of the chain. certificate holds the certificates of set->certificate, the server's
 * first; ca those of set->ca.  A defect of the first, or of a certificate that it needs,
 * is an error.  A defect that only some clients reject is a warning.
 */
extern void castssl_judge_chain(const CastsslTlsSet *set, const CastsslCertificates *certificate,
								const CastsslCertificates *ca, CastsslFindings *findings);

/*
 * Does a client that verifies the server by the root of the certificates before verify it by the
 * same root after?  Both lists have the server's certificate first.  The root is looked for in
 * the CA files, too (its own and the one after); where it is nowhere, what the chains say of
 * their issuer decides.  *root is its name (RFC 2253).  True as well where a client could not
 * verify the server before.  Dates do not count.
 */
extern bool castssl_chain_keeps_root(const CastsslCertificates *before,
									 const CastsslCertificates *ca_before,
									 const CastsslCertificates *after,
									 const CastsslCertificates *ca_after, const char **root);

#endif
