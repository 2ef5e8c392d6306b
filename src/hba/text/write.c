/*
 * write.c
 *		Tokens and rules as text of pg_hba.conf.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/majors.h"
#include "hba/text/address.h"
#include "hba/text/lex.h"
#include "hba/text/write.h"

static void
append_quoted(StringInfo text, const char *string)
{
	appendStringInfoChar(text, '"');
	for (; *string; string++)
	{
		if (*string == '"')
			appendStringInfoChar(text, '"');
		appendStringInfoChar(text, *string);
	}
	appendStringInfoChar(text, '"');
}

void
castssl_hba_write_token(StringInfo text, const CastsslHbaToken *token)
{
	const char *string = token->string;
	bool plain = !castssl_hba_needs_quotes(string);

	if (token->quoted || string[0] == '\0' || castssl_hba_is_special_byte(string[0]))
		append_quoted(text, string);
	else if (plain)
		appendStringInfoString(text, string);
	else
	{
		/* no quote before its first byte, so that +group and @file keep their meaning */
		appendStringInfoChar(text, string[0]);
		append_quoted(text, string + 1);
	}
}

bool
castssl_hba_is_special_name(const char *name)
{
	static const char *const words[] = { "all", "sameuser", "samerole", "samegroup",
										 "replication" };

	for (int i = 0; i < lengthof(words); i++)
	{
		if (strcmp(name, words[i]) == 0)
			return true;
	}
	return name[0] == '+' || name[0] == '@' || name[0] == '/';
}

void
castssl_hba_write_name(StringInfo text, const char *name)
{
	bool quoted = castssl_hba_is_special_name(name) || castssl_hba_needs_quotes(name);

	castssl_hba_write_token(text, &(CastsslHbaToken){ .string = name, .quoted = quoted });
}

void
castssl_hba_write_tokens(StringInfo text, const CastsslHbaTokens *tokens)
{
	for (int i = 0; i < tokens->count; i++)
	{
		if (i > 0)
			appendStringInfoChar(text, ',');
		castssl_hba_write_token(text, &tokens->items[i]);
	}
}

void
castssl_hba_write_address(StringInfo text, const CastsslHbaAddress *address)
{
	CastsslHbaToken name = { .string = address->name };
	char buffer[CASTSSL_IP_SIZE];

	switch (address->kind)
	{
		case CASTSSL_HBA_ADDRESS_NONE:
			break;
		case CASTSSL_HBA_ADDRESS_ALL:
			appendStringInfoString(text, "all");
			break;
		case CASTSSL_HBA_ADDRESS_SAMEHOST:
			appendStringInfoString(text, "samehost");
			break;
		case CASTSSL_HBA_ADDRESS_SAMENET:
			appendStringInfoString(text, "samenet");
			break;
		case CASTSSL_HBA_ADDRESS_NAME:
			/* a name that reads as a keyword was quoted */
			name.quoted = strcmp(name.string, "all") == 0 || strcmp(name.string, "samehost") == 0 ||
						  strcmp(name.string, "samenet") == 0;
			castssl_hba_write_token(text, &name);
			break;
		case CASTSSL_HBA_ADDRESS_MASK:
			appendStringInfo(text, "%s ",
							 castssl_ip_text(address->family, address->address, buffer));
			appendStringInfoString(text, castssl_ip_text(address->family, address->mask, buffer));
			break;
	}
}

/* Is the value one quoted token already?  Then it is written unchanged. */
static bool
is_quoted_token(const char *value)
{
	size_t length = strlen(value);
	CastsslHbaLine line = { 0 };
	bool result;

	if (length < 2 || value[0] != '"')
		return false;
	castssl_hba_lex(&line, value, length, CASTSSL_NEWEST_MAJOR); /* quotes are the same in all */
	result = line.nlexemes == 1 && line.lexemes[0].end == length && !line.lexemes[0].open &&
			 !line.lexemes[0].comma;
	castssl_hba_line_free(&line);
	return result;
}

static bool
append_value(StringInfo text, const char *what, const char *value, char **problem)
{
	CastsslHbaToken token = { .string = value };

	if (value[strcspn(value, "\n\r")] != '\0')
	{
		*problem = psprintf("%s must not contain a line break", what);
		return false;
	}
	if (is_quoted_token(value))
		appendStringInfoString(text, value);
	else if (castssl_hba_needs_quotes(value) && value[0] != '+' && value[0] != '@')
		append_quoted(text, value);
	else
		castssl_hba_write_token(text, &token);
	return true;
}

static bool
append_values(StringInfo text, const char *what, const char **values, int count, char **problem)
{
	if (count == 0)
	{
		*problem = psprintf("a rule needs at least one %s", what);
		return false;
	}
	for (int i = 0; i < count; i++)
	{
		appendStringInfoString(text, i > 0 ? "," : " ");
		if (!append_value(text, what, values[i], problem))
			return false;
	}
	return true;
}

/* A field that is one plain word. */
static bool
append_word(StringInfo text, const char *what, const char *value, char **problem)
{
	if (castssl_hba_needs_quotes(value) || value[0] == '@')
	{
		*problem = psprintf("invalid %s \"%s\"", what, value);
		return false;
	}
	appendStringInfo(text, " %s", value);
	return true;
}

static bool
append_address(StringInfo text, const char *type, const char *given, char **problem)
{
	CastsslHbaAddress address;
	char *written;

	if (strcmp(type, "local") == 0)
	{
		if (given == NULL)
			return true;
		*problem = pstrdup("a rule of type \"local\" has no address");
		return false;
	}
	if (given == NULL)
		*problem = psprintf("a rule of type \"%s\" needs an address", type);
	else if (!castssl_hba_address_parse(given, &address, &written))
		*problem = psprintf("invalid address \"%s\"", given);
	else
	{
		appendStringInfo(text, " %s", written);
		return true;
	}
	return false;
}

static bool
is_type(const char *type)
{
	for (int i = CASTSSL_HBA_LOCAL; i <= CASTSSL_HBA_HOSTNOGSSENC; i++)
	{
		if (strcmp(type, castssl_hba_type_name((CastsslHbaType) i)) == 0)
			return true;
	}
	return false;
}

char *
castssl_hba_format(const char *type, const char **databases, int ndatabases, const char **users,
				   int nusers, const char *address, const char *auth_method, const char **options,
				   int noptions, char **problem)
{
	StringInfoData text;

	*problem = NULL;
	if (!is_type(type))
	{
		*problem = psprintf("invalid connection type \"%s\"", type);
		return NULL;
	}
	initStringInfo(&text);
	appendStringInfoString(&text, type);
	if (!append_values(&text, "database", databases, ndatabases, problem) ||
		!append_values(&text, "user", users, nusers, problem) ||
		!append_address(&text, type, address, problem) ||
		!append_word(&text, "authentication method", auth_method, problem))
		return NULL;
	for (int i = 0; i < noptions; i++)
	{
		appendStringInfoChar(&text, ' ');
		if (!append_value(&text, "option", options[i], problem))
			return NULL;
	}
	return text.data;
}

char *
castssl_hba_address_text(const CastsslHbaAddress *address)
{
	StringInfoData text;

	if (address->kind == CASTSSL_HBA_ADDRESS_MASK)
		return castssl_hba_range_text(address);
	initStringInfo(&text);
	castssl_hba_write_address(&text, address);
	return text.data;
}
