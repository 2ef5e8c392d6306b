/*
 * upgrade.c
 *		The check of how a later major reads the same pg_hba.conf.
 */
#include "postgres.h"

#include "base/compat.h"
#include "flow/check/checks.h"
#include "server/hba_files.h"

/* Does this server read the same line as a valid rule? */
static bool
is_good_now(const CastsslCheckScope *scope, const CastsslHbaPolicy *future,
			const CastsslHbaRule *rule)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *now = &scope->policy->rules[i];

		if (now->line_number == rule->line_number &&
			strcmp(scope->policy->files[now->file]->path, future->files[rule->file]->path) == 0)
			return now->error == NULL;
	}
	return true;
}

/* Names that begin with a slash become regular expressions in 16. */
static void
report_slashes(CastsslCheckScope *scope, const CastsslHbaRule *rule, const CastsslHbaTokens *names)
{
	for (int i = 0; i < names->count; i++)
	{
		if (names->items[i].string[0] == '/')
			castssl_check_report(
				scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
				psprintf("from PostgreSQL 16 on \"%s\" is a regular expression, not a name",
						 names->items[i].string),
				"After the upgrade, write a slash, ^, the name and $.");
	}
}

/* MD5 is deprecated since 18: the line still loads. */
static void
report_md5(CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	if (rule->method && strcmp(rule->method, "md5") == 0)
		castssl_check_report(
			scope, CASTSSL_INFO, castssl_check_rule_name(scope, rule),
			"PostgreSQL 18 warns of MD5 passwords, and a later one refuses them",
			"Set the passwords again with password_encryption = 'scram-sha-256', then use method "
			"scram-sha-256.");
}

/* Has this check found something to change before the upgrade? */
static bool
has_warning(const CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->findings->count; i++)
	{
		const CastsslFinding *finding = &scope->findings->items[i];

		if (finding->severity >= CASTSSL_WARNING && strcmp(finding->check, scope->check) == 0)
			return true;
	}
	return false;
}

/* Answer a caller who has asked about a major. */
static void
answer(CastsslCheckScope *scope, const char *text)
{
	if (scope->version_asked)
		castssl_check_report(scope, CASTSSL_OK, NULL, text, NULL);
}

/* How the major after the upgrade reads the same lines. */
void
castssl_check_hba_future(CastsslCheckScope *scope)
{
	CastsslHbaPolicy *future;
	bool refused = false;

	if (scope->target_version == CASTSSL_SERVER_MAJOR)
	{
		answer(scope, psprintf("ready for %d: this server runs it", CASTSSL_SERVER_MAJOR));
		return;
	}
	if (scope->target_version < CASTSSL_SERVER_MAJOR)
	{
		answer(scope,
			   psprintf("nothing to compare: this server runs PostgreSQL %d, and %d is an earlier "
						"major",
						CASTSSL_SERVER_MAJOR, scope->target_version));
		return;
	}
	future = castssl_hba_files_read_as(scope->target_version);
	for (int i = 0; i < future->nrules; i++)
	{
		const CastsslHbaRule *rule = &future->rules[i];

		refused = refused || rule->error;
		if (rule->error && is_good_now(scope, future, rule))
			castssl_check_report(
				scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
				psprintf("refused by PostgreSQL %d: %s", scope->target_version, rule->error_shown),
				"Change this before the upgrade, with castssl_hba_change() and "
				"castssl_hba_apply().");
	}
	for (int i = 0;
		 i < scope->policy->nrules && CASTSSL_SERVER_MAJOR < 16 && scope->target_version >= 16; i++)
	{
		report_slashes(scope, &scope->policy->rules[i], &scope->policy->rules[i].databases);
		report_slashes(scope, &scope->policy->rules[i], &scope->policy->rules[i].users);
	}
	for (int i = 0;
		 i < scope->policy->nrules && CASTSSL_SERVER_MAJOR < 18 && scope->target_version >= 18; i++)
	{
		/* without a question about a major, the row hba_md5 is enough */
		if (scope->version_asked || !castssl_check_takes_md5(scope, i))
			report_md5(scope, &scope->policy->rules[i]);
	}
	if (!refused && !has_warning(scope))
		answer(scope, psprintf("ready for %d: it reads pg_hba.conf as this server does",
							   scope->target_version));
}
