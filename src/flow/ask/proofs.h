/*
 * proofs.h
 *		What a plan does to the proof that pg_hba.conf asks for: nobody has to give one any
 *		more, or the one that is stored does not do.
 */
#ifndef CASTSSL_FLOW_ASK_PROOFS_H
#define CASTSSL_FLOW_ASK_PROOFS_H

#include "flow/ask/anyway.h"
#include "flow/plan/plan.h"
#include "hba/access/compare.h"

/*
 * Call once for a plan: a warning step for each kind of connections that come in without a
 * proof of who they are though one was asked for (CASTSSL_HBA_ADMITTED_WITHOUT_PROOF), and
 * for each role that is cut off because its password is stored as MD5 and scram-sha-256 asks
 * for it.  Unless allowed (force, or undone when nobody confirms) 55000 where there is one, with
 * the hint of castssl_anyway_hint.
 */
extern void castssl_proofs_check(CastsslPlan *plan, bool allowed, const CastsslAgain *again);

/*
 * A sentence about the roles that log in by a password stored as MD5 and would no longer:
 * who they are, for superusers.  Palloc'd; NULL: there is none.
 */
extern char *castssl_proofs_md5_text(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after,
									 bool tls);

/* "database all, user alice, address 10.0.0.0/8, encryption tls: md5 before, trust afterwards" */
extern char *castssl_proofs_difference_text(const CastsslHbaDifference *difference);

#endif
