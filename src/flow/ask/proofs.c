/*
 * proofs.c
 *		What a plan does to the proof that pg_hba.conf asks for: it asks for none any more, or
 *		for one that the stored password cannot give.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

#include "flow/ask/proofs.h"
#include "flow/plan/hba_plan.h"
#include "hba/access/compare.h"
#include "server/account.h"
#include "server/process/caller.h"
#include "server/process/raise.h"
#include "server/world.h"

#define MOST_NAMED 20

char *
castssl_proofs_difference_text(const CastsslHbaDifference *difference)
{
	char *from = difference->address ? psprintf("address %s, encryption %s", difference->address,
												difference->encryption)
									 : "a Unix-domain socket";

	return psprintf("database %s, user %s, %s: %s before, %s afterwards", difference->database,
					difference->user, from, difference->before, difference->after);
}

/* ---- trust where proof was asked for ---- */

static void
check_without_proof(CastsslPlan *plan, bool allowed, const CastsslAgain *again)
{
	CastsslHbaDifferences differences = { 0 };
	const char *name = castssl_hba_change_name(CASTSSL_HBA_ADMITTED_WITHOUT_PROOF);
	const CastsslHbaDifference *first = NULL;
	int count = 0;

	castssl_hba_compare(plan->hba_before, plan->ssl_after, plan->hba_after, plan->ssl_after,
						castssl_hba_world_with_roles(), &differences);
	castssl_hba_plan_tidy(&differences);
	for (int i = 0; i < differences.count; i++)
	{
		if (differences.items[i].change != CASTSSL_HBA_ADMITTED_WITHOUT_PROOF)
			continue;
		if (count++ == 0)
			first = &differences.items[i];
		if (count <= MOST_NAMED)
			castssl_plan_warn(plan, "edit pg_hba", name, CASTSSL_CODE_without_proof,
							  castssl_proofs_difference_text(&differences.items[i]));
	}
	if (count > MOST_NAMED)
		castssl_plan_warn(plan, "edit pg_hba", name, CASTSSL_CODE_without_proof,
						  psprintf("and %d more", count - MOST_NAMED));
	if (count > 0 && !allowed)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("connections that have to prove who they are would be admitted without "
						"proof"),
				 errdetail("For example %s.", castssl_proofs_difference_text(first)),
				 errhint("%s%s",
						 plan->uses_staged ? "Look at SELECT * FROM castssl_hba_compare(); before "
											 "you apply the staged edits.  "
										   : "",
						 castssl_anyway_hint(plan, again)),
				 castssl_err_reason("castssl_without_proof")));
}

/* ---- passwords that are stored as MD5 ---- */

static bool
is_scram(const CastsslHbaRule *rule)
{
	return strcmp(rule->method, "scram-sha-256") == 0;
}

/*
 * Does the rule change, for a role with an MD5 secret, from one that it can satisfy to one that
 * it cannot?
 */
static bool
cuts_off(const CastsslHbaDifference *difference, const CastsslHbaPolicy *before,
		 const CastsslHbaPolicy *after)
{
	return difference->before_rule >= 0 && difference->after_rule >= 0 &&
		   strcmp(before->rules[difference->before_rule].method, "reject") != 0 &&
		   !is_scram(&before->rules[difference->before_rule]) &&
		   is_scram(&after->rules[difference->after_rule]);
}

static bool
is_cut_off(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after, bool tls,
		   const CastsslHbaWorld *world)
{
	CastsslHbaDifferences differences = { 0 };

	castssl_hba_compare(before, tls, after, tls, world, &differences);
	for (int i = 0; i < differences.count; i++)
	{
		if (cuts_off(&differences.items[i], before, after))
			return true;
	}
	return false;
}

/* The rules that are for a role, as if they named it alone. */
static CastsslHbaPolicy *
policy_of_role(const CastsslHbaPolicy *policy, const char *name, const CastsslHbaWorld *world)
{
	CastsslHbaPolicy *own = palloc(sizeof(CastsslHbaPolicy));
	CastsslHbaToken *token = palloc0(sizeof(CastsslHbaToken));

	token->string = name;
	token->quoted = true;
	*own = *policy;
	own->rules = palloc(Max(policy->nrules, 1) * sizeof(CastsslHbaRule));
	own->nrules = 0;
	for (int i = 0; i < policy->nrules; i++)
	{
		CastsslHbaRule *rule = &own->rules[own->nrules];

		if (castssl_hba_rule_takes_user(&policy->rules[i], policy->version, name, world) ==
			CASTSSL_NO)
			continue;
		*rule = policy->rules[i];
		rule->users = (CastsslHbaTokens){ .items = token, .count = 1 };
		own->nrules++;
	}
	return own;
}

/*
 * Up to MOST_NAMED roles with an MD5 secret that log in before and not after; *more: there are
 * others.
 */
static List *
md5_roles(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after, bool tls, bool *more)
{
	int count;
	const char **names = castssl_roles_with_md5_secrets(&count);
	const CastsslHbaWorld *world = castssl_hba_world_with_roles();
	List *found = NIL;
	MemoryContext each;

	*more = false;
	/* usually nobody is cut off, and then there is no need to check each role */
	if (count == 0 || !is_cut_off(before, after, tls, world))
		return NIL;
	/* there may be thousands of roles, and each takes two copies of the rules */
	each = AllocSetContextCreate(CurrentMemoryContext, "pg_castssl role", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < count && !*more; i++)
	{
		MemoryContext old = MemoryContextSwitchTo(each);
		bool cut_off = is_cut_off(policy_of_role(before, names[i], world),
								  policy_of_role(after, names[i], world), tls, world);

		MemoryContextSwitchTo(old);
		MemoryContextReset(each);
		CHECK_FOR_INTERRUPTS();
		if (!cut_off)
			continue;
		if (list_length(found) == MOST_NAMED)
			*more = true;
		else
			found = lappend(found, unconstify(char *, names[i]));
	}
	MemoryContextDelete(each);
	return found;
}

char *
castssl_proofs_md5_text(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after, bool tls)
{
	bool more;
	List *roles = md5_roles(before, after, tls, &more);
	StringInfoData text;
	ListCell *cell;

	if (roles == NIL)
		return NULL;
	if (!castssl_caller_is_superuser())
		return pstrdup("Only superusers can see which roles these are.");
	initStringInfo(&text);
	appendStringInfoString(&text, "The passwords of these roles are stored as MD5: ");
	foreach (cell, roles)
		appendStringInfo(&text, "%s\"%s\"", cell == list_head(roles) ? "" : ", ",
						 (const char *) lfirst(cell));
	appendStringInfoString(&text, more ? " and others." : ".");
	return text.data;
}

static void
check_md5(CastsslPlan *plan, bool allowed, const CastsslAgain *again)
{
	char *text = castssl_proofs_md5_text(plan->hba_before, plan->hba_after, plan->ssl_after);

	if (text == NULL)
		return;
	castssl_plan_warn(plan, "edit pg_hba", "scram-sha-256", CASTSSL_CODE_md5_password,
					  psprintf("would refuse some roles.  %s", text));
	if (!allowed)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("scram-sha-256 would refuse some roles, because their passwords are stored as "
					"MD5"),
			 errdetail("%s", text),
			 errhint("Set their passwords again while password_encryption is scram-sha-256.  %s",
					 castssl_anyway_hint(plan, again)),
			 castssl_err_reason("castssl_would_cut_off")));
}

void
castssl_proofs_check(CastsslPlan *plan, bool allowed, const CastsslAgain *again)
{
	if (!plan->hba_changes)
		return;
	check_without_proof(plan, allowed, again);
	check_md5(plan, allowed, again);
}
