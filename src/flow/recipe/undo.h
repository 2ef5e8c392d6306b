/*
 * undo.h
 *		Undoing a change on request, and confirming one.
 */
#ifndef CASTSSL_FLOW_RECIPE_UNDO_H
#define CASTSSL_FLOW_RECIPE_UNDO_H

#include "flow/plan/plan.h"

/*
 * The plan that restores the state before that change (0: the latest that is in effect)
 * and all later ones. 55000 if a file was edited since, or if nothing of the change is
 * in effect any more; 22023 if there is no such change.
 */
extern CastsslPlan *castssl_undo_plan(int64 change_id);

/* 55000 (castssl_not_committed) if the newest change is one of an open transaction. */
extern void castssl_undo_check_committed(void);

/*
 * Keep the unconfirmed change (0: the only one) for good, when this transaction commits.
 * 55000 if there is none, or if this session began before the change took effect, unless
 * force.  Returns its id.
 */
extern int64 castssl_undo_confirm(int64 change_id, bool force);

/*
 * Set the deadline of the unconfirmed change to that many milliseconds from now, when this
 * transaction commits, and return it.
 */
extern TimestampTz castssl_undo_postpone(int64 milliseconds);

#endif
