/*
 * verify.h
 *		Judges a set of certificate, key, CA and CRL, with findings as the result.
 *
 * Errors are what the server or a client would refuse; they stop a change.  The
 * private key never appears in a finding.
 */
#ifndef CASTSSL_TLS_VERIFY_H
#define CASTSSL_TLS_VERIFY_H

#include "tls/certificate.h"
#include "tls/set.h"

/*
 * Judge the whole set.  The lists (may be NULL) get the certificates and CRLs that are read.
 * The check names are "certificate_parse", "key_parse", "key_matches_certificate",
 * "certificate_dates", "ca_parse", "ca_is_ca", "crl_parse", "crl_dates", "crl_issuer",
 * "chain", "names", "key_usage", "weak".
 */
extern void castssl_tls_verify(const CastsslTlsSet *set, CastsslFindings *findings,
							   CastsslCertificates *certificate, CastsslCertificates *ca,
							   CastsslCertificates *crl);

#endif
