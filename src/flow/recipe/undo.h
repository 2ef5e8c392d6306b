/*
 * undo.h
 *		Taking back a change by hand, and keeping one.
 */
#ifndef CASTSSL_FLOW_RECIPE_UNDO_H
#define CASTSSL_FLOW_RECIPE_UNDO_H

#include "flow/plan/plan.h"

/*
 * The plan that brings back what was before that change (0: the latest that is
 * in effect) and those after it.  55000 when a file was edited since, or nothing
 * of it is in effect any more; 22023 when there is no such change.
 */
extern CastsslPlan *castssl_undo_plan(int64 change_id);

/*
 * Keep the unconfirmed change (0: whichever it is) for good.  55000 when there is
 * none, or when this session began before the change took effect, unless force.
 * Returns its id.
 */
extern int64 castssl_undo_confirm(int64 change_id, bool force);

/* Give the unconfirmed change a deadline that many milliseconds from now; returned. */
extern TimestampTz castssl_undo_postpone(int64 milliseconds);

#endif
