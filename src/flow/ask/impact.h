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
	 * The session is encrypted, and a new one would be refused with that encryption, but admitted
	 * in plaintext from the same address.  Clients with sslmode=prefer fall back by themselves.
	 */
	bool in_plaintext;
	const char *reason;
	const char *unknown; /* as in CastsslExplanation */
} CastsslImpact;

/* What castssl_hba_impact() calls the verdict. */
extern const char *castssl_impact_name(const CastsslImpact *impact);

/*
 * Judge a new connection like each of these sessions.  asked describes the server
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
	/* sessions of which it is unknown whether they could come back */
	CastsslImpact *unknown;
	int nunknown;
	const struct CastsslRotation *rotation; /* of a reload: the CA file is not the loaded one */
} CastsslLosses;

/*
 * The connected clients, walsenders included, that could not come back once the plan is in
 * effect, or only in plaintext although they are encrypted now.  Leaves out those that could not
 * come back now either, such as a role that may not log in, and those whose certificate the plan
 * revokes.
 */
extern void castssl_impact_losses(CastsslPlan *plan, CastsslLosses *losses);

/*
 * The same for a reload alone, which loads what somebody has edited: files, and values of
 * parameters.  policy: pg_hba.conf on disk.
 */
extern void castssl_impact_losses_by_reload(CastsslHbaPolicy *policy, CastsslLosses *losses);

/* May the caller see where the session comes from, and what it showed? */
extern bool castssl_impact_is_shown(const CastsslSession *session);

/*
 * "client backend "alice", database "app", from 10.0.0.1, application "web""; address and
 * application only if the caller may see them.  Palloc'd.
 */
extern char *castssl_impact_who(const CastsslSession *session);

/*
 * The reason, or a sentence instead of it if the caller may not see it.  The caller may always
 * see that of its own session.
 */
extern const char *castssl_impact_reason(const CastsslImpact *impact);

/*
 * Add warning steps: about each of these losses and, for the caller's own edits, about everyone
 * who gains or loses access.
 */
extern void castssl_impact_warn(CastsslPlan *plan, const CastsslLosses *losses);

#endif
