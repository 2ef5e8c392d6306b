/*
 * chain.h
 *		The server's certificate and its intermediates, as clients see them.
 */
#ifndef CASTSSL_TLS_CHAIN_H
#define CASTSSL_TLS_CHAIN_H

#include "tls/certificate.h"
#include "tls/set.h"

/*
 * Verify a CA certificate that must be able to have certificates below it, as OpenSSL does.
 * Returns X509_V_OK, or the X509_V_ERR_... flags are X509_V_FLAG_...; now is in seconds since
 * 1970-01-01 00:00 UTC.  Raises nothing.
 */
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
 * If a client verifies the server now, with the root of the certificates before, does the
 * same root also verify the certificates after?  Both lists have the server's certificate first.
 * The root is searched in before, then in ca_before, then in ca_after.  If it is in none of
 * them, the issuers that the chains name are compared. *root is the name of the root (RFC 2253).
 * Also true if a client could not verify the server before.  Dates are ignored.
 */
extern bool castssl_chain_keeps_root(const CastsslCertificates *before,
									 const CastsslCertificates *ca_before,
									 const CastsslCertificates *after,
									 const CastsslCertificates *ca_after, const char **root);

#endif
