/*
 * anyway.h
 *		How to apply a plan that is refused because of what it does to clients.
 */
#ifndef CASTSSL_FLOW_ASK_ANYWAY_H
#define CASTSSL_FLOW_ASK_ANYWAY_H

#include "flow/plan/plan.h"

/* How to call again so that the plan is let through. */
typedef struct CastsslAgain
{
	bool can_wait;         /* the function takes confirm_within */
	const char *statement; /* with confirm_within or, without can_wait, force; NULL: unknown */
	/*
	 * the same call, ready to append a target_dir and the closing parenthesis; NULL: it has no
	 * such parameter, or a value cannot be pasted safely
	 */
	const char *up_to_target;
	const char *up_to_files; /* the same for CastsslWhich.call (flow/plan/which.h) */
} CastsslAgain;

/*
 * The hint: to call again with confirm_within, if the function takes it and there is something to
 * undo, or else with force.  Palloc'd or static.
 */
extern const char *castssl_anyway_hint(const CastsslPlan *plan, const CastsslAgain *again);

#endif
