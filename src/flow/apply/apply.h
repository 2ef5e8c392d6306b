/*
 * apply.h
 *		Carries out a plan completely, with proof, or leaves everything as it was.
 */
#ifndef CASTSSL_FLOW_APPLY_APPLY_H
#define CASTSSL_FLOW_APPLY_APPLY_H

#include "flow/ask/anyway.h"
#include "flow/plan/plan.h"

/* In milliseconds.  With less time to confirm, minutes may have been meant. */
#define CASTSSL_SHORT_DEADLINE 30000

/* Options of the caller. */
typedef struct CastsslApplyOptions
{
	int64 confirm_within; /* milliseconds until the change is undone unless confirmed; 0: never */
	bool force;           /* even if a connected client could not come back */
	bool dry_run;         /* check everything, write nothing */
	CastsslAgain again;   /* for the hint if a client could not come back */
} CastsslApplyOptions;

/*
 * Preflight, journal, switch, reload, verify.  The caller holds the lock.  On any
 * failure after the first write, everything is restored and verified, and the error is
 * raised: 58000 if the reload or the proof failed, otherwise the SQLSTATE of the error.
 * Completes plan->steps.
 */
extern void castssl_apply(CastsslPlan *plan, const CastsslApplyOptions *options);

#endif
