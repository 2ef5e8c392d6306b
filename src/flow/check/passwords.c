/*
 * passwords.c
 *		Roles whose stored password a rule of method scram-sha-256 would refuse.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "flow/check/checks.h"
#include "flow/check/passwords.h"
#include "server/account.h"
#include "server/process/caller.h"
#include "server/world.h"

#define MOST_NAMES 5

/* Roles that may log in, but not by SCRAM; read once, and only where a rule needs it. */
static void
read_roles(CastsslCheckScope *scope)
{
	if (scope->world == NULL)
		scope->world = castssl_hba_world();
	if (scope->md5_roles == NULL)
		scope->md5_roles = castssl_roles_with_md5_secrets(&scope->nmd5_roles);
}

static char *
joined(CastsslCheckScope *scope, const CastsslHbaRule *rule, const char **names, int count)
{
	StringInfoData text;
	int found = 0;

	initStringInfo(&text);
	for (int i = 0; i < count; i++)
	{
		if (castssl_hba_rule_takes_user(rule, scope->policy->version, names[i], scope->world) !=
			CASTSSL_YES)
			continue;
		if (found++ < MOST_NAMES)
			appendStringInfo(&text, "%s%s", text.len ? ", " : "", quote_identifier(names[i]));
	}
	if (found > MOST_NAMES)
		appendStringInfo(&text, " and %d more", found - MOST_NAMES);
	return found ? text.data : NULL;
}

char *
castssl_check_roles_without_scram(CastsslCheckScope *scope, const CastsslHbaRule *rule,
								  bool none_as_well)
{
	if (!castssl_caller_is_superuser())
		return NULL;
	read_roles(scope);
	if (!none_as_well)
		return joined(scope, rule, scope->md5_roles, scope->nmd5_roles);
	if (scope->other_roles == NULL)
		scope->other_roles = castssl_roles_without_scram_secrets(&scope->nother_roles);
	return joined(scope, rule, scope->other_roles, scope->nother_roles);
}

void
castssl_check_md5_secrets(CastsslCheckScope *scope)
{
	bool *found = palloc0(Max(scope->policy->nrules, 1) * sizeof(bool));
	StringInfoData roles;
	int count = 0;

	if (!castssl_caller_is_superuser())
		return;
	read_roles(scope);
	initStringInfo(&roles);
	for (int i = 0; i < scope->nmd5_roles; i++)
	{
		bool refused = false;

		for (int j = 0; j < scope->policy->nrules; j++)
		{
			const CastsslHbaRule *rule = &scope->policy->rules[j];

			if (rule->error || scope->dead[j] || strcmp(rule->method, "scram-sha-256") != 0 ||
				castssl_hba_rule_takes_user(rule, scope->policy->version, scope->md5_roles[i],
											scope->world) != CASTSSL_YES)
				continue;
			found[j] = refused = true;
		}
		if (refused && count++ < MOST_NAMES)
			appendStringInfo(&roles, "%s%s", roles.len ? ", " : "",
							 quote_identifier(scope->md5_roles[i]));
	}
	if (count > MOST_NAMES)
		appendStringInfo(&roles, " and %d more", count - MOST_NAMES);
	if (count > 0)
		castssl_check_report(scope, CASTSSL_WARNING, castssl_check_rule_names(scope, found),
							 psprintf("scram-sha-256 refuses %s %s: %s stored as MD5",
									  count == 1 ? "role" : "roles", roles.data,
									  count == 1 ? "its password is" : "their passwords are"),
							 psprintf("Set %s once more, " CASTSSL_CHECK_SET_PASSWORD ".",
									  count == 1 ? "that password" : "these passwords"));
}
