/*
 * outcome.h
 *		What a rule does with a connection that it matches, and how two rules differ in it.
 */
#ifndef CASTSSL_HBA_MATCH_OUTCOME_H
#define CASTSSL_HBA_MATCH_OUTCOME_H

#include "hba/text/rule.h"

typedef enum CastsslHbaChange
{
	CASTSSL_HBA_NEWLY_ADMITTED,
	/* by trust; before, a client had to prove who it is, or to have a certificate */
	CASTSSL_HBA_ADMITTED_WITHOUT_PROOF,
	CASTSSL_HBA_NEWLY_REFUSED,
	/* a client without a certificate is refused over TLS, but not in plaintext
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
	const char *method; /* with the options that matter, except clientcert, each in a new line */
} CastsslHbaOutcome;

/* rule NULL: no line.  Strings are palloc'd or the rule's. */
extern CastsslHbaOutcome castssl_hba_outcome(const CastsslHbaRule *rule);

/*
 * Do both rules, as they are written, do the same with a connection that both match?
 * map_is_missing is ignored, because somebody may add the map later.
 */
extern bool castssl_hba_same_outcome(const CastsslHbaRule *a, const CastsslHbaRule *b);

/* Set *change to how the outcome changes; false if it does not. */
extern bool castssl_hba_outcome_change(const CastsslHbaOutcome *before,
									   const CastsslHbaOutcome *after, CastsslHbaChange *change);

/*
 * "refused", "scram-sha-256 clientcert=verify-ca", "ldap ldapserver=... ldapbindpasswd=***",
 * "refused, because pg_ident.conf has no such map: peer map=m".  rule NULL: no line.  Palloc'd.
 */
extern char *castssl_hba_outcome_text(const CastsslHbaRule *rule);

#endif
