/*
 * match.c
 *		Which rule answers a connection (PostgreSQL: check_hba).
 *
 * This code cannot make all of the server's checks, so each answer is one of three values.
 * A list matches if one of its tokens matches; a rule matches if all of its fields match.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/match/match.h"
#include "hba/text/address.h"

/* True if one of several is true. */
static CastsslAnswer
either(CastsslAnswer a, CastsslAnswer b)
{
	if (a == CASTSSL_YES || b == CASTSSL_YES)
		return CASTSSL_YES;
	if (a == CASTSSL_UNKNOWN || b == CASTSSL_UNKNOWN)
		return CASTSSL_UNKNOWN;
	return CASTSSL_NO;
}

/* True if all are true. */
static CastsslAnswer
both(CastsslAnswer a, CastsslAnswer b)
{
	if (a == CASTSSL_NO || b == CASTSSL_NO)
		return CASTSSL_NO;
	if (a == CASTSSL_UNKNOWN || b == CASTSSL_UNKNOWN)
		return CASTSSL_UNKNOWN;
	return CASTSSL_YES;
}

static CastsslAnswer
is_member(const CastsslHbaWorld *world, const char *user, const char *role)
{
	if (world == NULL || world->member == NULL)
		return CASTSSL_UNKNOWN;
	return world->member(world->arg, user, role);
}

static CastsslAnswer
is_found(const CastsslHbaWorld *world, const CastsslHbaToken *token, const char *string)
{
	if (world == NULL || world->regexp == NULL)
		return CASTSSL_UNKNOWN;
	return world->regexp(world->arg, token->string + 1, string);
}

bool
castssl_hba_type_takes(CastsslHbaType type, uint8 family, CastsslEncryption encryption)
{
	if (family == 0)
		return type == CASTSSL_HBA_LOCAL;
	switch (type)
	{
		case CASTSSL_HBA_LOCAL:
			return false;
		case CASTSSL_HBA_HOST:
			return true;
		case CASTSSL_HBA_HOSTSSL:
			return encryption == CASTSSL_TLS;
		case CASTSSL_HBA_HOSTNOSSL:
			return encryption != CASTSSL_TLS;
		case CASTSSL_HBA_HOSTGSSENC:
			return encryption == CASTSSL_GSS;
		case CASTSSL_HBA_HOSTNOGSSENC:
			return encryption != CASTSSL_GSS;
	}
	return false; /* LCOV_EXCL_LINE: all values are above */
}

/* PostgreSQL: check_ip */
static bool
in_range(const CastsslHbaAddress *range, const CastsslConnection *connection)
{
	int length = range->family == 4 ? 4 : 16;

	if (range->family != connection->family)
		return false;
	for (int i = 0; i < length; i++)
		if (((connection->address[i] ^ range->address[i]) & range->mask[i]) != 0)
			return false;
	return true;
}

static CastsslAnswer
address_matches(const CastsslHbaAddress *address, const CastsslConnection *connection,
				const CastsslHbaWorld *world)
{
	switch (address->kind)
	{
		case CASTSSL_HBA_ADDRESS_NONE:
		case CASTSSL_HBA_ADDRESS_ALL:
			return CASTSSL_YES;
		case CASTSSL_HBA_ADDRESS_MASK:
			return in_range(address, connection) ? CASTSSL_YES : CASTSSL_NO;
		case CASTSSL_HBA_ADDRESS_SAMEHOST:
		case CASTSSL_HBA_ADDRESS_SAMENET:
			if (world == NULL || world->own_address == NULL)
				return CASTSSL_UNKNOWN;
			return world->own_address(world->arg, connection->family, connection->address,
									  address->kind == CASTSSL_HBA_ADDRESS_SAMENET);
		case CASTSSL_HBA_ADDRESS_NAME:
			if (world == NULL || world->host_name == NULL)
				return CASTSSL_UNKNOWN;
			return world->host_name(world->arg, connection->family, connection->address,
									address->name);
	}
	return CASTSSL_UNKNOWN; /* LCOV_EXCL_LINE: all values are above */
}

/* PostgreSQL: check_db and check_role, for one word of their lists */
static CastsslAnswer
token_matches(const CastsslHbaToken *token, bool of_database, int version,
			  const CastsslConnection *connection, const CastsslHbaWorld *world)
{
	CastsslHbaWord word = castssl_hba_word(token, of_database, version);
	const char *name = of_database ? connection->database : connection->user;

	/* physical replication has no database */
	if (of_database && connection->replication)
		return word == CASTSSL_WORD_REPLICATION ? CASTSSL_YES : CASTSSL_NO;
	switch (word)
	{
		case CASTSSL_WORD_ALL:
			return CASTSSL_YES;
		case CASTSSL_WORD_NAME:
			return strcmp(token->string, name) == 0 ? CASTSSL_YES : CASTSSL_NO;
		case CASTSSL_WORD_GROUP:
			return is_member(world, name, token->string + 1);
		case CASTSSL_WORD_REGEXP:
			return is_found(world, token, name);
		case CASTSSL_WORD_SAMEUSER:
			return strcmp(connection->user, name) == 0 ? CASTSSL_YES : CASTSSL_NO;
		case CASTSSL_WORD_SAMEROLE:
			return is_member(world, connection->user, name);
		case CASTSSL_WORD_REPLICATION:
			return CASTSSL_NO;
	}
	return CASTSSL_UNKNOWN; /* LCOV_EXCL_LINE: all values are above */
}

static CastsslAnswer
list_matches(const CastsslHbaTokens *tokens, bool of_database, int version,
			 const CastsslConnection *connection, const CastsslHbaWorld *world)
{
	CastsslAnswer answer = CASTSSL_NO;

	for (int i = 0; i < tokens->count && answer != CASTSSL_YES; i++)
		answer = either(answer,
						token_matches(&tokens->items[i], of_database, version, connection, world));
	return answer;
}

CastsslAnswer
castssl_hba_rule_takes_database(const CastsslHbaRule *rule, int version,
								const CastsslConnection *connection, const CastsslHbaWorld *world)
{
	return rule->error ? CASTSSL_NO
					   : list_matches(&rule->databases, true, version, connection, world);
}

CastsslAnswer
castssl_hba_rule_takes_user(const CastsslHbaRule *rule, int version, const char *user,
							const CastsslHbaWorld *world)
{
	CastsslConnection connection = { .user = user };

	return rule->error ? CASTSSL_NO
					   : list_matches(&rule->users, false, version, &connection, world);
}

bool
castssl_hba_same_rule(const CastsslHbaRule *a, const CastsslHbaRule *b)
{
	return (a->error == NULL) == (b->error == NULL) && a->type == b->type &&
		   a->method == b->method && castssl_hba_tokens_equal(a->databases, b->databases) &&
		   castssl_hba_tokens_equal(a->users, b->users) &&
		   castssl_hba_address_equal(&a->address, &b->address) &&
		   castssl_hba_tokens_equal(a->options, b->options);
}

bool
castssl_hba_has_rule(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		if (castssl_hba_same_rule(&policy->rules[i], rule))
			return true;
	}
	return false;
}

CastsslAnswer
castssl_hba_rule_matches(const CastsslHbaRule *rule, int version,
						 const CastsslConnection *connection, const CastsslHbaWorld *world)
{
	CastsslAnswer answer;

	/* certain and cheap checks first; last a check that may depend on DNS */
	if (rule->address.kind == CASTSSL_HBA_ADDRESS_MASK && !in_range(&rule->address, connection))
		return CASTSSL_NO;
	if (rule->error != NULL ||
		!castssl_hba_type_takes(rule->type, connection->family, connection->encryption))
		return CASTSSL_NO;
	answer = list_matches(&rule->databases, true, version, connection, world);
	if (answer != CASTSSL_NO)
		answer = both(answer, list_matches(&rule->users, false, version, connection, world));
	if (answer != CASTSSL_NO)
		answer = both(answer, address_matches(&rule->address, connection, world));
	return answer;
}

int
castssl_hba_match(const CastsslHbaPolicy *policy, const CastsslConnection *connection,
				  const CastsslHbaWorld *world, int *doubtful)
{
	int found = -1;
	int doubt = -1;

	for (int i = 0; i < policy->nrules && found < 0; i++)
	{
		CastsslAnswer answer;

		answer = castssl_hba_rule_matches(&policy->rules[i], policy->version, connection, world);
		if (answer == CASTSSL_YES)
			found = i;
		else if (answer == CASTSSL_UNKNOWN && doubt < 0)
			doubt = i;
	}
	if (doubtful != NULL)
		*doubtful = doubt;
	return found;
}
