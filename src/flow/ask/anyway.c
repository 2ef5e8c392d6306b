/*
 * anyway.c
 *		How to apply a plan that is refused because of what it does to clients.
 */
#include "postgres.h"

#include "flow/ask/anyway.h"

const char *
castssl_anyway_hint(const CastsslPlan *plan, const CastsslAgain *again)
{
	const char *hint = again->can_wait ? "To have it undone unless somebody confirms it from a new "
										 "connection: %s  To do it anyway: force => true."
									   : "To do it anyway: %s";

	if (again->can_wait && !castssl_plan_writes(plan))
		return "Only a reload is left to do, and nothing can undo a reload.  To do it anyway: "
			   "force => true.";
	if (again->can_wait && plan->loses_for_good)
		return "The reload also loads edits of somebody else.  They refuse such a connection, and "
			   "stay when this change is undone.  Take these edits back first.  To do it anyway: "
			   "force => true.";
	if (again->statement)
		return psprintf(hint, again->statement);
	return psprintf(hint, again->can_wait ? "confirm_within => '10 min'." : "force => true.");
}
