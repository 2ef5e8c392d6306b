/*
 * stricter.h
 *		Rules that ask for more than the caller wants.
 */
#ifndef CASTSSL_FLOW_PLAN_STRICTER_H
#define CASTSSL_FLOW_PLAN_STRICTER_H

#include "flow/plan/plan.h"
#include "hba/edit/edit.h"

/* When somebody reads the rows of a plan: which file is there then, and can it be edited? */
typedef struct CastsslReading
{
	bool dry_run; /* the file is as it was before */
	bool waits;   /* the change waits for its confirmation first */
} CastsslReading;

/*
 * Warn that rules ask for more than wanted->clientcert, and show what would loosen them:
 * castssl_enable() never does.  Call it when the rules are planned.
 */
extern void castssl_stricter_warn(CastsslPlan *plan, const CastsslHbaWanted *wanted,
								  const CastsslReading *reading);

#endif
