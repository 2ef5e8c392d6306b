/*
 * outcome.h
 *		What a rule does with a connection, as far as it can be told apart.
 */
#ifndef CASTSSL_HBA_OUTCOME_H
#define CASTSSL_HBA_OUTCOME_H

#include "hba/compare.h"
#include "hba/universe.h"

typedef struct CastsslHbaOutcome
{
	bool refused; /* reject, or no line */
	CastsslClientCert clientcert;
	int method; /* number of method and options other than clientcert; equal: the same */
} CastsslHbaOutcome;

/* rule NULL: no line. */
extern CastsslHbaOutcome castssl_hba_outcome(CastsslHbaUniverse *universe,
											 const CastsslHbaRule *rule);

/* How an outcome changes; false if it does not. */
extern bool castssl_hba_outcome_change(const CastsslHbaOutcome *before,
									   const CastsslHbaOutcome *after, CastsslHbaChange *change);

/* "refused", "scram-sha-256 clientcert=verify-ca", "ldap ldapserver=... ldapbindpasswd=***". */
extern char *castssl_hba_outcome_text(const CastsslHbaRule *rule);

#endif
