/*
 * anyway.c
 *		How to have a plan made true that is refused for what it does to clients.
 */
#include "postgres.h"

#include "flow/ask/anyway.h"

const char *
castssl_anyway_hint(const CastsslPlan *plan, const CastsslAgain *again)
{
	const char *hint = again->can_wait ? "Have it undone unless it is confirmed from a new "
										 "connection: %s  Or do it all the same: force => true."
									   : "To do it all the same: %s";

	if (again->can_wait && !castssl_plan_writes(plan))
		return "Only a reload is left to be done, which nothing can undo.  To do it all the same: "
			   "force => true.";
	if (again->can_wait && plan->loses_for_good)
		return "The reload loads what somebody has edited and not loaded, which nothing can undo; "
			   "that alone refuses such a connection.  Take those edits back first.  To do it all "
			   "the same: force => true.";
	if (again->statement)
		return psprintf(hint, again->statement);
	return psprintf(hint, again->can_wait ? "confirm_within => '10 min'." : "force => true.");
}
