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
	/*
	 * The session is encrypted, a new one would be refused so, and would come in in plaintext from
	 * the same address: as clients with sslmode=prefer do by themselves.
	 */
	bool in_plaintext;
	const char *reason;
	const char *unknown; /* as in CastsslExplanation */
} CastsslImpact;

/* What castssl_hba_impact() calls the verdict. */
extern const char *castssl_impact_name(const CastsslImpact *impact);

/*
 * Judge a new connection like each of these sessions.  asked says what the server goes by
 * (castssl_question_now or castssl_question_after).  Returns one element for each session;
 * palloc'd.
 */
extern CastsslImpact *castssl_impact(const CastsslSession *sessions, int count,
									 const CastsslQuestion *asked);

/* The clients that lose by a plan. */
typedef struct CastsslLosses
{
	CastsslImpact *items; /* refused, or in_plaintext; the caller's own session first */
	int count;
	bool own; /* the first one is the caller's */
	/* those of which nobody can say whether they could come back */
	CastsslImpact *unknown;
	int nunknown;
} CastsslLosses;

/*
 * Who could not come back once the plan is in effect, or only in plaintext though encrypted now:
 * of all clients that are connected, walsenders too.  Not where the plan has no part in it: who
 * could not come back now either, as a role that may not log in; and not who showed a certificate
 * that the plan revokes.
 */
extern void castssl_impact_losses(CastsslPlan *plan, CastsslLosses *losses);

/* The same for a reload alone, which loads what somebody has edited; policy: pg_hba.conf on disk.
 */
extern void castssl_impact_losses_by_reload(CastsslHbaPolicy *policy, CastsslLosses *losses);

/* May the caller see from where the session comes, and what it showed? */
extern bool castssl_impact_is_shown(const CastsslSession *session);

/*
 * "client backend "alice", database "app", from 10.0.0.1, application "web""; address and
 * application not for all eyes.
 */
extern char *castssl_impact_who(const CastsslSession *session);

/* The reason, for the eyes of the caller.  Needs no privilege for the caller's own session. */
extern const char *castssl_impact_reason(const CastsslImpact *impact);

/*
 * Add warning steps: about each of these losses and, for the caller's own edits, about everyone
 * who gains or loses access.
 */
extern void castssl_impact_warn(CastsslPlan *plan, const CastsslLosses *losses);

#endif
