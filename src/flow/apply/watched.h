/*
 * watched.h
 *		Warns if no process watches over a change.
 */
#ifndef CASTSSL_FLOW_APPLY_WATCHED_H
#define CASTSSL_FLOW_APPLY_WATCHED_H

#include "flow/plan/plan.h"

/*
 * Add a row to a plan that was made true, if it is not watched: ROLLBACK or a crash leaves it in
 * effect until the next call.  An error here adds no row.
 */
extern void castssl_watched_warn(CastsslPlan *plan, bool watched);

/* For a dry run: the same row, or the error, that the call itself would have. */
extern void castssl_watched_foresee(CastsslPlan *plan, bool required);

#endif
