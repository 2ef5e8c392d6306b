/*
 * plaintext.c
 *		Who comes back in plaintext when TLS asks for a certificate, and who has nothing but
 *		plaintext.
 */
#include "postgres.h"

#include "base/words.h"
#include "flow/ask/plaintext.h"
#include "flow/plan/hba_plan.h"
#include "flow/ask/fallback.h"
#include "server/world.h"

#define MOST_NAMED 20

static char *
place_of(const CastsslHbaPolicy *policy, int rule)
{
	return castssl_hba_plan_place(policy, policy->rules[rule].file,
								  policy->rules[rule].line_number);
}

static void
warn_of_fallback(CastsslPlan *plan)
{
	int first;
	int count =
		castssl_hba_count_fallbacks(plan->hba_after, castssl_hba_world_with_roles(), &first);

	if (count > 0)
		castssl_plan_warn(
			plan, "edit pg_hba", place_of(plan->hba_after, first), CASTSSL_CODE_plaintext_fallback,
			psprintf(
				"%s for a certificate over TLS, but plaintext stays open: a client with "
				"sslmode=prefer (the default) and no certificate falls back to plaintext.  To "
				"close it: SELECT * FROM castssl_enable(plaintext => 'block', confirm_within => "
				"'10 min');",
				castssl_counted(count, "rule asks", "rules ask")));
}

/* Is the row about a hostnossl line that is removed, and whose clients are refused over TLS? */
static bool
is_left_without_tls(const CastsslPlan *plan, const CastsslHbaPolicy *before,
					const CastsslHbaDifference *row)
{
	return row->change == CASTSSL_HBA_NEWLY_REFUSED && row->before_rule >= 0 &&
		   before->rules[row->before_rule].type == CASTSSL_HBA_HOSTNOSSL &&
		   !castssl_hba_has_rule(plan->hba_after, &before->rules[row->before_rule]);
}

static bool
has_plaintext_rule(const CastsslHbaPolicy *policy)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		if (policy->rules[i].error == NULL && policy->rules[i].type == CASTSSL_HBA_HOSTNOSSL)
			return true;
	}
	return false;
}

static void
warn_of_lines_without_tls(CastsslPlan *plan)
{
	const CastsslHbaPolicy *before = castssl_hba_plan_as_meant(plan->hba_before);
	CastsslHbaDifferences rows = { 0 };
	bool *told = palloc0(Max(before->nrules, 1) * sizeof(bool));
	int count = 0;

	if (!has_plaintext_rule(before))
		return;
	castssl_hba_compare_encryptions(before, CASTSSL_PLAINTEXT, plan->hba_after, CASTSSL_TLS,
									castssl_hba_world_with_roles(), &rows);
	for (int i = 0; i < rows.count; i++)
	{
		const CastsslHbaDifference *row = &rows.items[i];

		if (!is_left_without_tls(plan, before, row) || told[row->before_rule])
			continue;
		told[row->before_rule] = true;
		if (++count <= MOST_NAMED)
			castssl_plan_warn(plan, "edit pg_hba", place_of(before, row->before_rule),
							  CASTSSL_CODE_no_tls_line,
							  psprintf("is no longer in force, and no line admits its clients over "
									   "TLS: database %s, user %s, address %s",
									   row->database, row->user, row->address));
	}
	if (count > MOST_NAMED)
		castssl_plan_warn(plan, "edit pg_hba", "hostnossl", CASTSSL_CODE_no_tls_line,
						  psprintf("and %d more", count - MOST_NAMED));
}

void
castssl_plaintext_warn(CastsslPlan *plan)
{
	if (plan->hba_derived == NULL && !plan->uses_staged)
		return;
	if (plan->ssl_after)
		warn_of_fallback(plan);
	if (plan->hba_changes)
		warn_of_lines_without_tls(plan);
}
