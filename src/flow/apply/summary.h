/*
 * summary.h
 *		The last row of castssl_enable(): what was done, and what comes next.
 */
#ifndef CASTSSL_FLOW_APPLY_SUMMARY_H
#define CASTSSL_FLOW_APPLY_SUMMARY_H

#include "flow/plan/plan.h"

/* The action of the step that names the statement which keeps the change. */
#define CASTSSL_CONFIRMATION "await confirmation"

/* Add the step "summary" to a plan of castssl_enable(), after all its other steps. */
extern void castssl_summary_add(CastsslPlan *plan, bool dry_run);

#endif
