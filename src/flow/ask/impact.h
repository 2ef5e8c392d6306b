/*
 * impact.h
 *		Which connected clients could connect again after a change.
 */
#ifndef CASTSSL_FLOW_ASK_IMPACT_H
#define CASTSSL_FLOW_ASK_IMPACT_H

#include "flow/ask/explain.h"
#include "flow/plan/plan.h"
#include "server/sessions.h"

typedef struct CastsslImpact
{
	const CastsslSession *session;
	/* for a new connection with the same database, user, address and encryption */
	CastsslVerdict verdict;
	const char *reason;
} CastsslImpact;

/*
 * Judge a new connection like each of these sessions.  asked says what the server goes by
 * (castssl_question_now or castssl_question_after).  Returns one element for each session;
 * palloc'd.
 */
extern CastsslImpact *castssl_impact(const CastsslSession *sessions, int count,
									 const CastsslQuestion *asked);

/*
 * Would the plan cut such a session off: is a new connection like it refused afterwards?  Not
 * where the plan has no part in it, as in a role that may not log in.  *after is the judgement.
 */
extern bool castssl_impact_cuts_off(const CastsslPlan *plan, const CastsslSession *session,
									const CastsslHbaWorld *world, CastsslExplanation *after);

/*
 * Add warning steps: about live sessions that could not connect again, and, for the
 * caller's own edits, about everyone who gains or loses access.
 */
extern void castssl_impact_warn(CastsslPlan *plan);

#endif
