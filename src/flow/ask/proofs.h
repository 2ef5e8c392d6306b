/*
 * proofs.h
 *		What a plan does to the proof that pg_hba.conf asks for: it asks for none any more, or
 *		for one that the stored password cannot give.
 */
#ifndef CASTSSL_FLOW_ASK_PROOFS_H
#define CASTSSL_FLOW_ASK_PROOFS_H

#include "flow/ask/anyway.h"
#include "flow/plan/plan.h"
#include "hba/access/compare.h"

/*
 * Call once for a plan.  Adds a warning step for each kind of connections that are admitted
 * without proof of who they are, although one was asked for (CASTSSL_HBA_ADMITTED_WITHOUT_PROOF).
 * Adds another one if roles are cut off because scram-sha-256 does not accept a password that is
 * stored as MD5. 55000 in both cases unless allowed (force, or undone when nobody confirms), with
 * the hint of castssl_anyway_hint.
 */
extern void castssl_proofs_check(CastsslPlan *plan, bool allowed, const CastsslAgain *again);

/*
 * A sentence about the roles whose MD5 password admits them before, but not after.  Names them to
 * superusers only.  Palloc'd; NULL if there are none.
 */
extern char *castssl_proofs_md5_text(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after,
									 bool tls);

/* "database all, user alice, address 10.0.0.0/8, encryption tls: md5 before, trust afterwards" */
extern char *castssl_proofs_difference_text(const CastsslHbaDifference *difference);

#endif
