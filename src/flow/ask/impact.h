/*
 * impact.h
 *		Which of those who are connected could come back after a change.
 */
#ifndef CASTSSL_FLOW_ASK_IMPACT_H
#define CASTSSL_FLOW_ASK_IMPACT_H

#include "flow/ask/explain.h"
#include "flow/plan/plan.h"
#include "server/sessions.h"

typedef struct CastsslImpact
{
	const CastsslSession *session;
	CastsslVerdict verdict; /* of a connection like it: same database, user, address, encryption */
	const char *reason;
} CastsslImpact;

/*
 * Judge these sessions by a policy.  tls and has_ca: does the server offer TLS
 * then, and has it CAs to check certificates with.  As many as there are sessions;
 * palloc'd.
 */
extern CastsslImpact *castssl_impact(const CastsslSession *sessions, int count,
									 const CastsslHbaPolicy *policy, bool tls, bool has_ca);

/*
 * Steps that warn: of live sessions that could not come back, and for edits of
 * the caller's own also of everybody whom they newly admit or refuse.
 */
extern void castssl_impact_warn(CastsslPlan *plan);

#endif
