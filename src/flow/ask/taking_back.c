/*
 * taking_back.c
 *		Who gets in when an edit of pg_hba.conf is taken back.
 */
#include "postgres.h"

#include "flow/ask/proofs.h"
#include "flow/ask/taking_back.h"
#include "flow/plan/hba_plan.h"
#include "hba/access/compare.h"
#include "hba/match/match.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "server/world.h"

#define MOST_NAMED 20

/* Does that rule ask for no proof? */
static bool
is_trust(const CastsslHbaPolicy *policy, int rule)
{
	return rule >= 0 && strcmp(policy->rules[rule].method, "trust") == 0;
}

/*
 * Does no line admit such a client today, in plaintext, over TLS or by GSSAPI?  If no proof will
 * be asked for, a line that asks for one does not count.
 */
static bool
is_refused_today(const CastsslPlan *plan, const CastsslHbaPolicy *policy,
				 const CastsslHbaDifference *difference, const CastsslHbaWorld *world)
{
	const struct
	{
		CastsslEncryption encryption;
		bool possible;
	} kinds[] = { { CASTSSL_PLAINTEXT, true },
				  { CASTSSL_TLS, castssl_tls_is_on() },
				  { CASTSSL_GSS, castssl_hba_gss_possible() } };
	bool trust = is_trust(plan->hba_after, difference->after_rule);
	CastsslConnection connection = difference->witness;
	int doubtful;

	for (int i = 0; i < lengthof(kinds) && connection.family != 0; i++)
	{
		int rule;

		connection.encryption = kinds[i].encryption;
		rule = castssl_hba_match(policy, &connection, world, &doubtful);
		if (kinds[i].possible && rule >= 0 && strcmp(policy->rules[rule].method, "reject") != 0 &&
			(!trust || is_trust(policy, rule)))
			return false;
	}
	return true;
}

static void
check_admitted(const CastsslPlan *plan, const CastsslAgain *again)
{
	const CastsslHbaWorld *world = castssl_hba_world();
	const CastsslHbaPolicy *before = castssl_hba_plan_as_meant(plan->hba_before);
	CastsslHbaDifferences differences = { 0 };

	castssl_hba_compare(before, castssl_tls_is_on(), plan->hba_after, plan->ssl_after,
						castssl_hba_world_with_roles(), &differences);
	castssl_hba_plan_tidy(&differences);
	for (int i = 0; i < differences.count; i++)
	{
		const CastsslHbaDifference *difference = &differences.items[i];

		if (difference->change == CASTSSL_HBA_NEWLY_ADMITTED &&
			is_refused_today(plan, before, difference, world))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("clients that are refused today would be admitted"),
					 errdetail("Newly admitted: %s.", castssl_proofs_difference_text(difference)),
					 errhint("%s", castssl_anyway_hint(plan, again)),
					 castssl_err_reason("castssl_would_admit")));
	}
}

/* Warn of the remaining hostssl rules, which nobody can reach without TLS. */
static void
warn_of_dead_rules(CastsslPlan *plan)
{
	int count = 0;

	if (!castssl_tls_is_on() || plan->ssl_after)
		return;
	for (int i = 0; i < plan->hba_after->nrules; i++)
	{
		const CastsslHbaRule *rule = &plan->hba_after->rules[i];

		if (rule->error || rule->type != CASTSSL_HBA_HOSTSSL || ++count > MOST_NAMED)
			continue;
		castssl_plan_warn(
			plan, "edit pg_hba",
			psprintf("%s:%d", plan->hba_after->files[rule->file]->path, rule->line_number),
			CASTSSL_CODE_tls_off, "is a hostssl rule: without TLS it admits nobody");
	}
	if (count > MOST_NAMED)
		castssl_plan_warn(plan, "edit pg_hba", "hostssl", CASTSSL_CODE_tls_off,
						  psprintf("and %d more", count - MOST_NAMED));
}

void
castssl_taking_back_check(CastsslPlan *plan, bool allowed, const CastsslAgain *again)
{
	if (!plan->takes_back)
		return;
	warn_of_dead_rules(plan);
	if (plan->hba_changes && !allowed)
		check_admitted(plan, again);
}
