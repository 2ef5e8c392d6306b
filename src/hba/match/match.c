/*
 * match.c
 *		Which rule answers a connection (PostgreSQL: check_hba).
 *
 * This code cannot answer all of the server's checks, so each answer is one of three
 * values.  A list of tokens matches if one of them does, a rule if all of its fields
 * do.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/match/match.h"

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

/* PostgreSQL: check_db, except for physical replication */
static CastsslAnswer
database_token_matches(const CastsslHbaToken *token, int version,
					   const CastsslConnection *connection, const CastsslHbaWorld *world)
{
	if (castssl_hba_is_keyword(token, "all"))
		return CASTSSL_YES;
	if (castssl_hba_is_keyword(token, "sameuser"))
		return strcmp(connection->database, connection->user) == 0 ? CASTSSL_YES : CASTSSL_NO;
	if (castssl_hba_is_keyword(token, "samegroup") || castssl_hba_is_keyword(token, "samerole"))
		return is_member(world, connection->user, connection->database);
	if (castssl_hba_is_keyword(token, "replication"))
		return CASTSSL_NO;
	if (castssl_hba_is_regexp(token, version))
		return is_found(world, token, connection->database);
	return strcmp(token->string, connection->database) == 0 ? CASTSSL_YES : CASTSSL_NO;
}

static CastsslAnswer
database_matches(const CastsslHbaTokens *tokens, int version, const CastsslConnection *connection,
				 const CastsslHbaWorld *world)
{
	CastsslAnswer answer = CASTSSL_NO;

	for (int i = 0; i < tokens->count && answer != CASTSSL_YES; i++)
	{
		const CastsslHbaToken *token = &tokens->items[i];

		if (!connection->replication)
			answer = either(answer, database_token_matches(token, version, connection, world));
		else if (castssl_hba_is_keyword(token, "replication"))
			answer = CASTSSL_YES;
	}
	return answer;
}

/* PostgreSQL: check_role */
static CastsslAnswer
user_matches(const CastsslHbaTokens *tokens, int version, const CastsslConnection *connection,
			 const CastsslHbaWorld *world)
{
	CastsslAnswer answer = CASTSSL_NO;

	for (int i = 0; i < tokens->count && answer != CASTSSL_YES; i++)
	{
		const CastsslHbaToken *token = &tokens->items[i];

		if (castssl_hba_is_group(token))
			answer = either(answer, is_member(world, connection->user, token->string + 1));
		else if (castssl_hba_is_keyword(token, "all"))
			/* NOLINTNEXTLINE(bugprone-branch-clone): check_role asks in this order */
			answer = CASTSSL_YES;
		else if (castssl_hba_is_regexp(token, version))
			answer = either(answer, is_found(world, token, connection->user));
		else if (strcmp(token->string, connection->user) == 0)
			answer = CASTSSL_YES;
	}
	return answer;
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
	answer = database_matches(&rule->databases, version, connection, world);
	if (answer != CASTSSL_NO)
		answer = both(answer, user_matches(&rule->users, version, connection, world));
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
