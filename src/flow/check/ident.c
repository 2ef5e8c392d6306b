/*
 * ident.c
 *		Checks of users who log in by the name in their certificate, and who have no
 *		line in pg_ident.conf.
 */
#include "postgres.h"

#include "flow/check/checks.h"
#include "hba/match/ident.h"
#include "hba/text/options.h"
#include "server/hba_files.h"

/* The map for names in certificates; NULL: the name itself is compared. */
static const char *
map_of(const CastsslHbaRule *rule)
{
	const char *map = NULL;

	if (rule->error == NULL && rule->clientcert == CASTSSL_CLIENTCERT_VERIFY_FULL)
		map = castssl_hba_rule_option(rule, "map");
	return map && map[0] != '\0' ? map : NULL;
}

/* Does the field certainly name exactly one role? */
static bool
is_plain(const CastsslHbaToken *role)
{
	return role->quoted ||
		   (strcmp(role->string, "all") != 0 && role->string[0] != '+' && role->string[0] != '/');
}

/* Can a line of the map let somebody log in as user (NULL: as anybody)?  Yes if in doubt. */
static bool
is_reached(const CastsslIdent *ident, const char *map, const char *user)
{
	for (int i = 0; i < ident->count; i++)
	{
		const CastsslIdentLine *line = &ident->lines[i];

		if (line->error || strcmp(line->map, map) != 0)
			continue;
		if (user == NULL || !is_plain(&line->role) || strstr(line->role.string, "\\1") ||
			strcmp(line->role.string, user) == 0)
			return true;
	}
	return false;
}

static void
check_rule(CastsslCheckScope *scope, const CastsslHbaRule *rule, const CastsslIdent *ident,
		   const char *map)
{
	if (!is_reached(ident, map, NULL))
	{
		castssl_check_report(scope, CASTSSL_ERROR, castssl_check_rule_name(scope, rule),
							 psprintf("no line of pg_ident.conf is of map \"%s\": every login is "
									  "refused",
									  map),
							 psprintf("Add to pg_ident.conf: %s  Then: SELECT * FROM "
									  "castssl_reload();",
									  castssl_ident_format(map, "name in certificate", "role")));
		return;
	}
	for (int i = 0; i < rule->users.count; i++)
	{
		const CastsslHbaToken *user = &rule->users.items[i];

		if (is_plain(user) && !is_reached(ident, map, user->string))
			castssl_check_report(
				scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
				psprintf("no certificate lets user \"%s\" in: map \"%s\" in pg_ident.conf does not "
						 "lead there",
						 user->string, map),
				psprintf("Add to pg_ident.conf: %s  Then: SELECT * FROM castssl_reload();",
						 castssl_ident_format(map, "name in certificate", user->string)));
	}
}

void
castssl_check_hba_cert_users(CastsslCheckScope *scope)
{
	CastsslIdent *ident = NULL;

	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];
		const char *map = map_of(rule);

		if (map == NULL || scope->dead[i])
			continue;
		if (ident == NULL)
			ident = castssl_ident_file_read();
		check_rule(scope, rule, ident, map);
	}
}
