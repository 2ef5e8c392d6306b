/*
 * verify.h
 *		Judgement of a set of certificate, key, CA and CRL, as findings.
 *
 * Errors are what the server or a client would refuse; they stop a change.
 * The private key never appears in a finding.
 */
#ifndef CASTSSL_TLS_VERIFY_H
#define CASTSSL_TLS_VERIFY_H

#include "tls/certificate.h"
#include "tls/key.h"
#include "tls/pem.h"

/* Everything that a server is to use for TLS. */
typedef struct CastsslTlsSet
{
	CastsslPem certificate; /* server certificate, then its intermediates, as sent to clients */
	CastsslPem key;
	CastsslPem ca;  /* what client certificates are checked against; may be absent */
	CastsslPem crl; /* may be absent */

	/*
	 * Passphrase of an encrypted key, NULL when nobody knows it: then key against
	 * certificate cannot be checked here, and the server's own loader decides.
	 */
	const char *passphrase;
	int64 now;            /* seconds since 1970-01-01 00:00 UTC */
	int64 expiry_warning; /* seconds ahead of notAfter and nextUpdate that warn */
	const char *
		*host_names; /* names and addresses that clients use for this host; NULL: not known */
	int nhost_names;
	void (*check_for_interrupts)(void); /* called now and then, may raise; NULL: not wanted */
} CastsslTlsSet;

/*
 * Judge the whole set; the facts that were read on the way go to the lists
 * (may be NULL).  check names: "certificate_parse", "key_parse",
 * "key_matches_certificate", "certificate_dates", "ca_parse", "ca_is_ca",
 * "crl_parse", "crl_dates", "crl_issuer", "chain", "names", "key_usage",
 * "weak".
 */
extern void castssl_tls_verify(const CastsslTlsSet *set, CastsslFindings *findings,
							   CastsslCertificates *certificate, CastsslCertificates *ca,
							   CastsslCertificates *crl);

#endif
