/*
 * apply.h
 *		Make a plan true as a whole, proven, or leave everything as it was.
 */
#ifndef CASTSSL_FLOW_APPLY_APPLY_H
#define CASTSSL_FLOW_APPLY_APPLY_H

#include "flow/plan/plan.h"

/* How the caller wants it done. */
typedef struct CastsslApplyOptions
{
	int64 confirm_within; /* milliseconds until it is undone unless confirmed; 0: not at all */
	bool force;           /* even where the caller's own connection would be refused afterwards */
	bool dry_run;         /* check everything, write nothing */
} CastsslApplyOptions;

/*
 * Preflight, journal, switch, reload, verify.  The caller holds the lock.  On
 * any failure after the first write everything is put back and verified, and the
 * error is raised: 58000 where the reload or the proof failed, the SQLSTATE of
 * what went wrong elsewhere.  Completes plan->steps.
 */
extern void castssl_apply(CastsslPlan *plan, const CastsslApplyOptions *options);

#endif
