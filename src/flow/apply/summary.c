/*
 * summary.c
 *		The last row of castssl_enable(): what was done, and what comes next.
 */
#include "postgres.h"

#include "base/words.h"
#include "flow/apply/summary.h"
#include "flow/plan/steps.h"

/* Does the step write a hostssl line: a rule's own, or a new one for an address? */
static bool
writes_tls_line(const CastsslStep *step)
{
	return step->detail && strstr(step->detail, ": hostssl ") != NULL;
}

/*
 * How many rules of pg_hba.conf the plan edits or adds.  Steps with the same target are about one
 * rule, but for the lines for addresses that are added above it.
 */
static int
count_rules(const CastsslPlan *plan)
{
	const char *last = NULL;
	bool written = false; /* has a step with this target written a hostssl line? */
	int count = 0;
	ListCell *cell;

	foreach (cell, plan->steps)
	{
		const CastsslStep *step = lfirst(cell);

		if (strcmp(step->action, "edit pg_hba") != 0 || step->outcome != CASTSSL_STEP_CHANGES)
			continue;
		if (last == NULL || strcmp(last, step->target) != 0)
		{
			count++;
			written = false;
		}
		else if (written && writes_tls_line(step))
			count++;
		written = written || writes_tls_line(step);
		last = step->target;
	}
	return count;
}

static int
count_warnings(const CastsslPlan *plan)
{
	int count = 0;
	ListCell *cell;

	foreach (cell, plan->steps)
		count += ((CastsslStep *) lfirst(cell))->outcome == CASTSSL_STEP_WARNING;
	return count;
}

/* What the caller does next. */
static const char *
next_for(const CastsslPlan *plan, bool dry_run)
{
	const CastsslStep *confirmation = castssl_step_find(plan->steps, CASTSSL_CONFIRMATION);
	bool planned = dry_run && castssl_plan_changes(plan);

	if (plan->confirmation && !planned)
		return psprintf("%s from a new connection", plan->confirmation);
	if (planned)
		return confirmation && confirmation->outcome == CASTSSL_STEP_WARNING
				   ? "the same without dry_run, with confirm_within"
				   : "the same without dry_run";
	return "SELECT * FROM castssl_check()";
}

void
castssl_summary_add(CastsslPlan *plan, bool dry_run)
{
	int rules = count_rules(plan);
	int warnings = count_warnings(plan);
	int sessions = plan->nsessions_refused;

	if (strcmp(plan->action, "enable") != 0)
		return;
	castssl_plan_step(plan, "summary", "server", CASTSSL_STEP_FOLLOWS,
					  psprintf("%s edited, %s could not come back, %s; next: %s",
							   castssl_counted(rules, "rule", "rules"),
							   castssl_counted(sessions, "session", "sessions"),
							   castssl_counted(warnings, "warning", "warnings"),
							   next_for(plan, dry_run)));
}
