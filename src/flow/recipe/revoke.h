/*
 * revoke.h
 *		Revokes certificates of this server's own CA.
 */
#ifndef CASTSSL_FLOW_RECIPE_REVOKE_H
#define CASTSSL_FLOW_RECIPE_REVOKE_H

#include "flow/plan/plan.h"

/* The arguments and the result of castssl_revoke. */
typedef struct CastsslRevokeCall
{
	const char *certificate; /* PEM */
	const char *reason;      /* a name of RFC 5280 */
	char *crl;               /* the new CRL, PEM, set by castssl_revoke_plan */
} CastsslRevokeCall;

/*
 * The plan that adds a certificate of this CA to its CRL.  If the server checks clients
 * against this CA, the plan installs the CRL, together with those of other CAs that are
 * in use.  Otherwise the CRL only goes to the CA's directory, with a WARNING. 22023: a
 * certificate of another CA, or no such reason. 55000: revoked already.
 */
extern CastsslPlan *castssl_revoke_plan(CastsslRevokeCall *call);

/* WARNING about live sessions that showed the certificate: they stay connected. */
extern void castssl_revoke_warn_of_sessions(const CastsslRevokeCall *call);

#endif
