/*
 * passwords.c
 *		Roles whose stored password a rule of method scram-sha-256 would refuse.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/words.h"
#include "flow/check/checks.h"
#include "flow/check/passwords.h"
#include "server/account.h"
#include "server/process/caller.h"
#include "server/world.h"

/* With more, the hint has the query that lists the roles. */
#define MOST_NAMES 20

bool
castssl_check_sees_passwords(void)
{
	return castssl_caller_is_superuser();
}

/* Roles that may log in, but not by SCRAM, and databases; read once, and only if needed. */
static void
read_roles(CastsslCheckScope *scope)
{
	if (scope->world == NULL)
		scope->world = castssl_hba_world();
	if (scope->md5_roles == NULL)
		scope->md5_roles = castssl_roles_with_md5_secrets(&scope->nmd5_roles);
	if (scope->databases == NULL)
		scope->databases = castssl_database_names(&scope->ndatabases);
}

static bool
takes_database(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
			   const CastsslConnection *connection)
{
	return castssl_hba_rule_takes_database(rule, scope->policy->version, connection,
										   scope->world) == CASTSSL_YES;
}

/* Can this role come in by the rule: to a database that lets it in, or to replicate? */
static bool
comes_in(const CastsslCheckScope *scope, const CastsslHbaRule *rule, const char *role)
{
	CastsslConnection connection = { .user = role, .database = "", .replication = true };
	CastsslRoleFacts facts;

	if (castssl_hba_rule_takes_user(rule, scope->policy->version, role, scope->world) !=
		CASTSSL_YES)
		return false;
	facts = castssl_role_facts(role);
	if ((facts.superuser || facts.can_replicate) && takes_database(scope, rule, &connection))
		return true;
	connection.replication = false;
	for (int i = 0; i < scope->ndatabases; i++)
	{
		connection.database = scope->databases[i];
		if (takes_database(scope, rule, &connection) &&
			castssl_database_facts(connection.database, facts.oid).role_may_connect)
			return true;
	}
	return false;
}

/* The first roles as SQL names: "alice, bob and 3 more". */
static char *
listed(const char **names, int count)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < Min(count, MOST_NAMES); i++)
		castssl_append_listed(&text, quote_identifier(names[i]));
	if (count > MOST_NAMES)
		appendStringInfo(&text, " and %d more", count - MOST_NAMES);
	return text.data;
}

/* How to store passwords that SCRAM accepts, and how to see all of these roles. */
static char *
how_to_set(const char **names, int count, bool none_as_well)
{
	const char *list = "";

	if (count > MOST_NAMES)
		list = none_as_well ? "; all roles without a SCRAM password: SELECT rolname FROM pg_authid "
							  "WHERE rolcanlogin AND rolpassword LIKE 'SCRAM-SHA-256$%' IS NOT "
							  "TRUE"
							: "; all roles with an MD5 password: SELECT rolname FROM pg_authid "
							  "WHERE rolcanlogin AND rolpassword LIKE 'md5%'";
	return psprintf("in psql: SET password_encryption = 'scram-sha-256'; then \\password %s%s",
					count == 1 ? quote_identifier(names[0]) : "for each role", list);
}

char *
castssl_check_passwords_first(CastsslCheckScope *scope, const CastsslHbaRule *rule,
							  bool none_as_well)
{
	const char **names;
	const char **found;
	int total;
	int count = 0;

	Assert(castssl_check_sees_passwords());
	read_roles(scope);
	if (none_as_well && scope->other_roles == NULL)
		scope->other_roles = castssl_roles_without_scram_secrets(&scope->nother_roles);
	names = none_as_well ? scope->other_roles : scope->md5_roles;
	total = none_as_well ? scope->nother_roles : scope->nmd5_roles;
	found = palloc(Max(total, 1) * sizeof(char *));
	for (int i = 0; i < total; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (comes_in(scope, rule, names[i]))
			found[count++] = names[i];
	}
	if (count == 0)
		return NULL;
	return psprintf("First set the %s of %s (%s): scram-sha-256 would refuse %s.",
					count == 1 ? "password" : "passwords", listed(found, count),
					how_to_set(found, count, none_as_well),
					count == 1 ? "this role" : "these roles");
}

void
castssl_check_md5_secrets(CastsslCheckScope *scope)
{
	bool *marked = palloc0(Max(scope->policy->nrules, 1) * sizeof(bool));
	const char **found;
	int count = 0;

	if (!castssl_check_sees_passwords())
		return;
	read_roles(scope);
	found = palloc(Max(scope->nmd5_roles, 1) * sizeof(char *));
	for (int i = 0; i < scope->nmd5_roles; i++)
	{
		bool refused = false;

		for (int j = 0; j < scope->policy->nrules; j++)
		{
			const CastsslHbaRule *rule = &scope->policy->rules[j];

			CHECK_FOR_INTERRUPTS();
			if (rule->error || scope->dead[j] || strcmp(rule->method, "scram-sha-256") != 0 ||
				!comes_in(scope, rule, scope->md5_roles[i]))
				continue;
			marked[j] = refused = true;
		}
		if (refused)
			found[count++] = scope->md5_roles[i];
	}
	if (count > 0)
		castssl_check_report(
			scope, CASTSSL_WARNING, castssl_check_rule_names(scope, marked),
			psprintf("scram-sha-256 refuses %s %s: %s stored as MD5", count == 1 ? "role" : "roles",
					 listed(found, count), count == 1 ? "its password is" : "their passwords are"),
			psprintf("Set %s again, %s.", count == 1 ? "that password" : "these passwords",
					 how_to_set(found, count, false)));
}
