/*
 * outcome.h
 *		What a rule does with a connection, as far as it can be told apart.
 */
#ifndef CASTSSL_HBA_MATCH_OUTCOME_H
#define CASTSSL_HBA_MATCH_OUTCOME_H

#include "hba/text/rule.h"

typedef enum CastsslHbaChange
{
	CASTSSL_HBA_NEWLY_ADMITTED,
	/* by trust, where proof of who it is was asked for, or at least a certificate */
	CASTSSL_HBA_ADMITTED_WITHOUT_PROOF,
	CASTSSL_HBA_NEWLY_REFUSED,
	/* over TLS it is refused without a certificate, and in plaintext it is not
	   (flow/ask/fallback.h) */
	CASTSSL_HBA_MAY_FALL_BACK,
	CASTSSL_HBA_CERTIFICATE_NOW_REQUIRED,
	CASTSSL_HBA_CERTIFICATE_NO_LONGER_REQUIRED,
	CASTSSL_HBA_METHOD_CHANGED
} CastsslHbaChange;

/* "newly admitted", "newly refused", ... */
extern const char *castssl_hba_change_name(CastsslHbaChange change);

typedef struct CastsslHbaOutcome
{
	bool refused; /* reject, no line, or a map that does not exist */
	CastsslClientCert clientcert;
	const char *method; /* and its options other than clientcert, as far as they tell */
} CastsslHbaOutcome;

/* rule NULL: no line.  Strings are palloc'd or the rule's. */
extern CastsslHbaOutcome castssl_hba_outcome(const CastsslHbaRule *rule);

/*
 * Do both rules do the same with a connection that matches both, as they are written?  A map that
 * is missing may be there tomorrow.
 */
extern bool castssl_hba_same_outcome(const CastsslHbaRule *a, const CastsslHbaRule *b);

/* How an outcome changes; false if it does not. */
extern bool castssl_hba_outcome_change(const CastsslHbaOutcome *before,
									   const CastsslHbaOutcome *after, CastsslHbaChange *change);

/*
 * "refused", "scram-sha-256 clientcert=verify-ca", "ldap ldapserver=... ldapbindpasswd=***",
 * "refused, for pg_ident.conf has no such map: peer map=m".
 */
extern char *castssl_hba_outcome_text(const CastsslHbaRule *rule);

#endif
