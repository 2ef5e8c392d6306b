/*
 * baseline.h
 *		The stored parameters before castssl_enable first changed them.
 *
 * Kept in pg_castssl/baseline until castssl_disable has restored them.  So undoing
 * does not depend on the number of changes that the journal keeps.
 */
#ifndef CASTSSL_FLOW_PLAN_BASELINE_H
#define CASTSSL_FLOW_PLAN_BASELINE_H

#include "flow/plan/plan.h"

/* Add the baseline file to the plan, with every parameter of the plan in it. */
extern void castssl_baseline_extend(CastsslPlan *plan);

/*
 * Plan to restore every parameter of the baseline except ssl, and to remove the
 * baseline.  Returns false if there is no baseline. *ssl_stored is the stored value of
 * ssl: NULL if there was none.
 */
extern bool castssl_baseline_plan_restore(CastsslPlan *plan, const char **ssl_stored);

/* The value of the parameter that was stored before castssl_enable(); NULL: none, or unknown. */
extern const char *castssl_baseline_stored(const char *name);

/* Is there a baseline, damaged or not? */
extern bool castssl_baseline_exists(void);

#endif
