/*
 * anyway.h
 *		How to have a plan made true that is refused for what it does to clients.
 */
#ifndef CASTSSL_FLOW_ASK_ANYWAY_H
#define CASTSSL_FLOW_ASK_ANYWAY_H

#include "flow/plan/plan.h"

/* How to call again so that the plan is let through. */
typedef struct CastsslAgain
{
	bool can_wait;         /* the function takes confirm_within */
	const char *statement; /* with confirm_within or, without can_wait, force; NULL: unknown */
} CastsslAgain;

/*
 * The hint: to call again with confirm_within, where the function takes it and there is something
 * to undo, or else with force.  Palloc'd or static.
 */
extern const char *castssl_anyway_hint(const CastsslPlan *plan, const CastsslAgain *again);

#endif
