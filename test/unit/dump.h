/*
 * dump.h
 *		A rule as a line of text, with the columns of pg_hba_file_rules.
 *
 * Tabs separate line_number, type, database, user_name, address, netmask,
 * auth_method, options and error; lists are joined by commas, what is NULL
 * there is empty, and a tab inside of a value is a blank.  Options are those of
 * the file (the server shows them in its own order, and with defaults).
 */
#ifndef CASTSSL_TEST_DUMP_H
#define CASTSSL_TEST_DUMP_H

#include <arpa/inet.h>
#include <sys/socket.h>

#include "hba/text/rule.h"

static void
dump_value(StringInfo text, const char *value)
{
	for (; *value; value++)
		appendStringInfoChar(text, *value == '\t' || *value == '\n' ? ' ' : *value);
}

static void
dump_tokens(StringInfo text, const CastsslHbaTokens *tokens)
{
	for (int i = 0; i < tokens->count; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ',');
		dump_value(text, tokens->items[i].string);
	}
	appendStringInfoChar(text, '\t');
}

static void
dump_address(StringInfo text, const CastsslHbaAddress *address)
{
	static const char *const words[] = { "", "all", "samehost", "samenet" };
	int family = address->family == 4 ? AF_INET : AF_INET6;
	char buffer[INET6_ADDRSTRLEN];

	if (address->kind == CASTSSL_HBA_ADDRESS_NAME)
		dump_value(text, address->name);
	else if (address->kind != CASTSSL_HBA_ADDRESS_MASK)
		appendStringInfoString(text, words[address->kind]);
	else
	{
		appendStringInfoString(text, inet_ntop(family, address->address, buffer, sizeof(buffer)));
		appendStringInfo(text, "\t%s\t", inet_ntop(family, address->mask, buffer, sizeof(buffer)));
		return;
	}
	appendStringInfoString(text, "\t\t");
}

/* Append the line, with its end. */
static void
dump_rule(StringInfo text, const CastsslHbaRule *rule)
{
	appendStringInfo(text, "%d\t", rule->line_number);
	if (rule->error)
	{
		appendStringInfoString(text, "\t\t\t\t\t\t\t");
		dump_value(text, rule->error);
	}
	else
	{
		appendStringInfo(text, "%s\t", castssl_hba_type_name(rule->type));
		dump_tokens(text, &rule->databases);
		dump_tokens(text, &rule->users);
		dump_address(text, &rule->address);
		appendStringInfo(text, "%s\t", rule->method);
		dump_tokens(text, &rule->options);
	}
	appendStringInfoChar(text, '\n');
}

#endif
