/*
 * ident.c
 *		Checks of pg_ident.conf, and of users who log in by a name from outside and have no
 *		line in it.
 */
#include "postgres.h"

#include "base/words.h"
#include "flow/check/checks.h"
#include "hba/match/ident.h"
#include "hba/text/options.h"
#include "server/disk/closed.h"
#include "server/hba_files.h"
#include "server/world.h"

void
castssl_check_ident_loads(CastsslCheckScope *scope)
{
	const CastsslIdent *used = scope->policy->ident;
	const CastsslIdent *ident = used ? used : castssl_ident_file_read();
	const CastsslIdentLine *line = castssl_ident_error(ident);

	if (line == NULL)
		return;
	castssl_check_report(
		scope, used ? CASTSSL_ERROR : CASTSSL_WARNING,
		line->line_number > 0 ? psprintf("%s:%d", line->path, line->line_number) : line->path,
		psprintf("the server refuses the file: %s; a reload keeps the old maps, and after "
				 "a restart no map works",
				 line->error),
		castssl_closed_is(line->path) ? castssl_closed_hint(line->path)
									  : "Correct that line, then: SELECT * FROM castssl_reload();");
}

/* Does the field certainly name exactly one role? */
static bool
is_plain(const CastsslHbaToken *role)
{
	return role->quoted ||
		   (strcmp(role->string, "all") != 0 && role->string[0] != '+' && role->string[0] != '/');
}

/* The placeholder for a name from outside the database in a hint. */
static const char *
outside_name(const CastsslHbaRule *rule)
{
	if (rule->clientcert == CASTSSL_CLIENTCERT_VERIFY_FULL)
		return "name in certificate";
	return strcmp(rule->method, "peer") == 0 || strcmp(rule->method, "ident") == 0
			   ? "operating-system account"
			   : "name from outside";
}

static void
report(CastsslCheckScope *scope, const CastsslHbaRule *rule, const CastsslIdentAsked *asked,
	   CastsslSeverity severity, const char *message)
{
	castssl_check_report(
		scope, severity, castssl_check_rule_name(scope, rule), message,
		castssl_check_hint_that_loads(
			scope, castssl_hint_with("Add to pg_ident.conf: %s  Then: SELECT * FROM "
									 "castssl_reload();",
									 castssl_ident_format(asked->map, outside_name(rule),
														  asked->role ? asked->role : "role"))));
}

static void
check_rule(CastsslCheckScope *scope, const CastsslHbaRule *rule, CastsslIdentAsked *asked)
{
	if (rule->map_is_missing)
	{
		asked->role = NULL;
		report(scope, rule, asked, CASTSSL_ERROR,
			   psprintf("pg_ident.conf has no line of the map \"%s\": every login is refused",
						asked->map));
		return;
	}
	for (int i = 0; i < rule->users.count; i++)
	{
		int count = 1;

		asked->role = rule->users.items[i].string;
		if (is_plain(&rule->users.items[i]))
			(void) castssl_ident_admitting(scope->policy->ident, asked, &count);
		if (count == 0)
			report(scope, rule, asked, CASTSSL_WARNING,
				   psprintf("nobody can log in as \"%s\": no line of the map \"%s\" in "
							"pg_ident.conf allows it",
							asked->role, asked->map));
	}
}

void
castssl_check_hba_cert_users(CastsslCheckScope *scope)
{
	CastsslIdentAsked asked = { .world = castssl_hba_world(), .capture = castssl_hba_capture };

	for (int i = 0; i < scope->policy->nrules; i++)
	{
		asked.map = castssl_hba_rule_map(&scope->policy->rules[i]);
		if (asked.map && !scope->dead[i])
			check_rule(scope, &scope->policy->rules[i], &asked);
	}
}
