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
	CastsslStep *step = palloc0(sizeof(CastsslStep));

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

static const char *const code_names[] = { NULL,
#define NAME(name, when) #name,
										  CASTSSL_CODES(NAME)
#undef NAME
};

const char *
castssl_code_name(CastsslCode code)
{
	return code_names[code];
}

CastsslCode
castssl_code_of_check(const char *check)
{
	if (strcmp(check, "certificate_dates") == 0)
		return CASTSSL_CODE_expires_soon;
	for (int i = 1; i < lengthof(code_names); i++)
	{
		if (strcmp(code_names[i], check) == 0)
			return (CastsslCode) i;
	}
	return CASTSSL_CODE_NONE; /* LCOV_EXCL_LINE: every check that warns is in the list */
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
		case CASTSSL_STEP_WAITING:
			return dry_run ? "planned" : "waiting";
		default:
			return "unchanged";
	}
}
