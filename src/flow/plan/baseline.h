/*
 * baseline.h
 *		The parameters as they were stored before castssl_enable first changed them.
 *
 * Kept in pg_castssl/baseline until castssl_disable has put them back, so that
 * undoing does not depend on how many changes the journal keeps.
 */
#ifndef CASTSSL_FLOW_PLAN_BASELINE_H
#define CASTSSL_FLOW_PLAN_BASELINE_H

#include "flow/plan/plan.h"

/* Add to the plan the baseline file with every parameter of the plan in it. */
extern void castssl_baseline_extend(CastsslPlan *plan);

/*
 * Plan to put back every parameter that the baseline holds but ssl, and to
 * remove the baseline.  Returns false when there is none.  *ssl_stored is what
 * was stored for ssl: NULL when nothing was.
 */
extern bool castssl_baseline_plan_restore(CastsslPlan *plan, const char **ssl_stored);

#endif
