/*
 * steps.c
 *		The steps of a change, which become the rows that the caller gets.
 */
#include "postgres.h"

#include "flow/plan/steps.h"

List *
castssl_step_add(List *steps, const char *action, const char *target, CastsslOutcome outcome,
				 const char *detail)
{
	CastsslStep *step = palloc(sizeof(CastsslStep));

	step->action = action;
	step->target = target;
	step->outcome = outcome;
	step->detail = detail;
	return lappend(steps, step);
}

CastsslStep *
castssl_step_find(List *steps, const char *action)
{
	for (int i = list_length(steps) - 1; i >= 0; i--)
	{
		CastsslStep *step = list_nth(steps, i);

		if (strcmp(step->action, action) == 0)
			return step;
	}
	return NULL;
}

const char *
castssl_step_result(const CastsslStep *step, bool anything_changes, bool dry_run)
{
	CastsslOutcome outcome = step->outcome;

	if (outcome == CASTSSL_STEP_FOLLOWS)
		outcome = anything_changes ? CASTSSL_STEP_CHANGES : CASTSSL_STEP_UNCHANGED;
	switch (outcome)
	{
		case CASTSSL_STEP_CHANGES:
			return dry_run ? "planned" : "done";
		case CASTSSL_STEP_WARNING:
			return "warning";
		case CASTSSL_STEP_SKIPPED:
			return "skipped";
		default:
			return "unchanged";
	}
}
