/*
 * reason.c
 *		Why a rule does not match a connection, as text for a person.
 *
 * The code tests one field at a time, with a copy of the rule in which the other
 * fields match everything.  So only castssl_hba_rule_matches decides.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

#include "hba/match/reason.h"
#include "hba/text/write.h"

#define MOST_TOKENS 8

static const CastsslHbaToken all = { .string = "all" };
static const CastsslHbaToken replication = { .string = "replication" };

/* The field that is tested.  The other fields then match everything. */
typedef enum Field
{
	DATABASES,
	USERS,
	ADDRESS
} Field;

static CastsslAnswer
ask(const CastsslHbaRule *rule, Field field, int version, const CastsslConnection *connection,
	const CastsslHbaWorld *world)
{
	CastsslHbaRule asked = *rule;

	if (field != DATABASES)
		asked.databases =
			(CastsslHbaTokens){ .items = connection->replication ? &replication : &all,
								.count = 1 };
	if (field != USERS)
		asked.users = (CastsslHbaTokens){ .items = &all, .count = 1 };
	if (field != ADDRESS)
		asked.address.kind = CASTSSL_HBA_ADDRESS_ALL;
	return castssl_hba_rule_matches(&asked, version, connection, world);
}

static char *
tokens_text(const CastsslHbaTokens *tokens)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < tokens->count && i < MOST_TOKENS; i++)
	{
		if (i > 0)
			appendStringInfoString(&text, ", ");
		castssl_hba_write_token(&text, &tokens->items[i]);
	}
	if (tokens->count > MOST_TOKENS)
		appendStringInfo(&text, ", and %d more", tokens->count - MOST_TOKENS);
	return text.data;
}

static const char *
channel_name(const CastsslConnection *connection)
{
	if (connection->family == 0)
		return "comes over a Unix-domain socket";
	switch (connection->encryption)
	{
		case CASTSSL_PLAINTEXT:
			return "is not encrypted";
		case CASTSSL_TLS:
			return "uses TLS";
		case CASTSSL_GSS:
			return "uses GSSAPI encryption";
	}
	return ""; /* LCOV_EXCL_LINE: all values are above */
}

/* The connections that a type applies to. */
static const char *
type_meaning(CastsslHbaType type)
{
	switch (type)
	{
		case CASTSSL_HBA_LOCAL:
			return "over a Unix-domain socket";
		case CASTSSL_HBA_HOST:
			return "over TCP/IP";
		case CASTSSL_HBA_HOSTSSL:
			return "over TLS";
		case CASTSSL_HBA_HOSTNOSSL:
			return "over TCP/IP without TLS";
		case CASTSSL_HBA_HOSTGSSENC:
			return "with GSSAPI encryption";
		case CASTSSL_HBA_HOSTNOGSSENC:
			return "over TCP/IP without GSSAPI encryption";
	}
	return ""; /* LCOV_EXCL_LINE: all values are above */
}

static char *
databases_reason(const CastsslHbaRule *rule, const CastsslConnection *connection, bool unknown)
{
	const char *list = tokens_text(&rule->databases);

	if (connection->replication)
		return psprintf("its databases (%s) do not include the keyword replication, which physical "
						"replication needs",
						list);
	if (unknown)
		return psprintf("nobody can know here whether its databases (%s) include \"%s\"", list,
						connection->database);
	return psprintf("its databases (%s) do not include \"%s\"", list, connection->database);
}

static char *
address_reason(const CastsslHbaRule *rule, const char *address, bool unknown)
{
	const char *text = castssl_hba_address_text(&rule->address);

	if (rule->address.kind == CASTSSL_HBA_ADDRESS_NAME)
		return psprintf(unknown ? "DNS does not say whether %s is a name of %s"
								: "%s is not the name of %s in DNS, or DNS does not lead back from "
								  "the name to the address",
						text, address);
	if (unknown)
		return psprintf("nobody can know here whether its address %s includes %s", text, address);
	return psprintf("its address %s does not include %s", text, address);
}

char *
castssl_hba_why_not(const CastsslHbaRule *rule, int version, const CastsslConnection *connection,
					const char *address, const CastsslHbaWorld *world)
{
	CastsslAnswer databases;
	CastsslAnswer users;

	if (rule->error)
		return psprintf("the server refuses it: %s", rule->error_shown);
	if (!castssl_hba_type_takes(rule->type, connection->family, connection->encryption))
		return psprintf("it is for connections %s, and this one %s", type_meaning(rule->type),
						channel_name(connection));
	if (rule->address.kind == CASTSSL_HBA_ADDRESS_MASK &&
		ask(rule, ADDRESS, version, connection, world) == CASTSSL_NO)
		return address_reason(rule, address, false);
	databases = ask(rule, DATABASES, version, connection, world);
	if (databases == CASTSSL_NO)
		return databases_reason(rule, connection, false);
	users = ask(rule, USERS, version, connection, world);
	if (users == CASTSSL_NO)
		return psprintf("its users (%s) do not include \"%s\"", tokens_text(&rule->users),
						connection->user);
	if (databases == CASTSSL_UNKNOWN)
		return databases_reason(rule, connection, true);
	if (users == CASTSSL_UNKNOWN)
		return psprintf("nobody can know here whether its users (%s) include \"%s\"",
						tokens_text(&rule->users), connection->user);
	return address_reason(rule, address,
						  ask(rule, ADDRESS, version, connection, world) == CASTSSL_UNKNOWN);
}
