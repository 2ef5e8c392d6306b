/*
 * health.c
 *		Health checks of load balancers, which come in plaintext and leave before a session begins.
 */
#include "postgres.h"

#include "flow/ask/health.h"
#include "flow/plan/hba_plan.h"
#include "hba/match/match.h"
#include "hba/text/address.h"
#include "server/world.h"

#define MOST_NAMED 20

static bool
is_one_host(const CastsslHbaAddress *address)
{
	int length = address->family == 6 ? 16 : 4;

	if (address->kind != CASTSSL_HBA_ADDRESS_MASK)
		return false;
	for (int i = 0; i < length; i++)
	{
		if (address->mask[i] != 0xFF)
			return false;
	}
	return true;
}

/* Does the rule look as if made for a health check?  If so, sets the connection of the check. */
static bool
is_for_check(const CastsslHbaRule *rule, int version, CastsslConnection *connection)
{
	const CastsslHbaToken *database = rule->databases.items;

	if (rule->error || strcmp(rule->method, "trust") != 0 || !is_one_host(&rule->address) ||
		!castssl_hba_type_takes(rule->type, rule->address.family, CASTSSL_PLAINTEXT) ||
		rule->users.count != 1 ||
		castssl_hba_word(rule->users.items, false, version) != CASTSSL_WORD_NAME)
		return false;
	*connection = (CastsslConnection){ .user = rule->users.items[0].string,
									   .family = rule->address.family,
									   .encryption = CASTSSL_PLAINTEXT };
	memcpy(connection->address, rule->address.address, sizeof(connection->address));
	/* a client that names no database gets the one with the user's name */
	connection->database = castssl_hba_word(database, true, version) == CASTSSL_WORD_NAME
							   ? database->string
							   : connection->user;
	return true;
}

static bool
is_refused(const CastsslHbaPolicy *policy, const CastsslConnection *connection)
{
	int rule = castssl_hba_match(policy, connection, castssl_hba_world(), NULL);

	return rule < 0 || strcmp(policy->rules[rule].method, "reject") == 0;
}

void
castssl_health_warn(CastsslPlan *plan)
{
	const CastsslHbaPolicy *before;
	int count = 0;

	if (!plan->hba_changes)
		return;
	before = castssl_hba_plan_as_meant(plan->hba_before);
	for (int i = 0; i < before->nrules && count < MOST_NAMED; i++)
	{
		const CastsslHbaRule *rule = &before->rules[i];
		CastsslConnection connection;

		if (!is_for_check(rule, before->version, &connection) ||
			castssl_hba_match(before, &connection, castssl_hba_world(), NULL) != i ||
			!is_refused(plan->hba_after, &connection))
			continue;
		count++;
		castssl_plan_warn(
			plan, "edit pg_hba", castssl_hba_plan_place(before, rule->file, rule->line_number),
			CASTSSL_CODE_health_check,
			psprintf("admits \"%s\" from %s without a password, as health checks need it.  A check "
					 "that speaks plaintext, such as HAProxy's option pgsql-check, then reports "
					 "this server as down.  Make the check ask for TLS first (docs/poolers.md).",
					 connection.user, castssl_hba_range_text(&rule->address)));
	}
}
