/*
 * revoke.h
 *		Certificates of this server's own CA, revoked.
 */
#ifndef CASTSSL_FLOW_RECIPE_REVOKE_H
#define CASTSSL_FLOW_RECIPE_REVOKE_H

#include "flow/plan/plan.h"

/* What castssl_revoke is called with, and what comes of it. */
typedef struct CastsslRevokeCall
{
	const char *certificate; /* PEM */
	const char *reason;      /* a name of RFC 5280 */
	char *crl;               /* set by castssl_revoke_plan: the new CRL, PEM */
} CastsslRevokeCall;

/*
 * The plan that adds a certificate of this CA to its CRL.  Where the server has
 * its clients checked against this CA, the CRL is installed, beside those of
 * other CAs that are in use; elsewhere it only goes to the CA's directory, with
 * a WARNING.  22023: another CA's certificate, no such reason; 55000: revoked
 * already.
 */
extern CastsslPlan *castssl_revoke_plan(CastsslRevokeCall *call);

/* WARNING of the live sessions that showed the certificate: they go on. */
extern void castssl_revoke_warn_of_sessions(const CastsslRevokeCall *call);

#endif
