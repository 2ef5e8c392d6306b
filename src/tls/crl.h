/*
 * crl.h
 *		Certificate revocation lists of our own CA (RFC 5280, section 5).
 */
#ifndef CASTSSL_TLS_CRL_H
#define CASTSSL_TLS_CRL_H

#include "tls/issue.h"

typedef struct CastsslRevocation
{
	const char *serial; /* hex, as CastsslCertificate has it */
	int64 revoked_at;   /* seconds since 1970-01-01 00:00 UTC */
	const char *reason; /* a name of RFC 5280: "keyCompromise", ... */
} CastsslRevocation;

/*
 * Is this a reason for revocation?  The reasons are 'unspecified', 'keyCompromise',
 * 'cACompromise', 'affiliationChanged', 'superseded', 'cessationOfOperation',
 * 'certificateHold', 'privilegeWithdrawn' and 'aACompromise'.
 */
extern bool castssl_is_revocation_reason(const char *reason);

/* Those names, for a hint. */
extern const char *castssl_revocation_reasons(void);

/*
 * Make the CRL with these entries, valid from now - CASTSSL_CLOCK_SLACK: PEM, palloc'd.
 * number must be greater than that of the previous CRL.  Times are seconds since 1970-01-01
 * 00:00 UTC.  On failure returns NULL and adds an error finding ("crl").
 */
extern char *castssl_crl_make(const CastsslAuthority *authority,
							  const CastsslRevocation *revocations, int count, int64 number,
							  int64 now, int64 next_update, CastsslFindings *findings);

/*
 * The CRLs of a PEM text without those of this CA, followed by crl: PEM, palloc'd.  If
 * the text cannot be read, returns NULL and adds an error finding.
 */
extern char *castssl_crl_replace(const char *crls, size_t length, X509 *ca, const char *crl,
								 CastsslFindings *findings);

#endif
