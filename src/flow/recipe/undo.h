/*
 * undo.h
 *		Undoing a change on request.
 */
#ifndef CASTSSL_FLOW_RECIPE_UNDO_H
#define CASTSSL_FLOW_RECIPE_UNDO_H

#include "flow/plan/plan.h"

/*
 * The plan that restores the state before that change and all later ones. 0: only the change that
 * waits to be confirmed, or that this transaction made. 55000 if none waits, if a file was edited
 * since, or if nothing of the change is in effect any more; 22023 if there is no such change.  A
 * private key that others could read before does not get its mode back.
 */
extern CastsslPlan *castssl_undo_plan(int64 change_id);

#endif
