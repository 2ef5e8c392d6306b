/*
 * parse.c
 *		One rule from the fields of its line.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/grow.h"
#include "hba/text/address.h"
#include "hba/text/options.h"
#include "hba/text/parse.h"

void
castssl_hba_fields_reset(CastsslHbaFields *fields)
{
	CASTSSL_GROW(fields->starts, 0, fields->field_capacity);
	CASTSSL_GROW(fields->tokens, 0, fields->token_capacity);
	fields->ntokens = 0;
	fields->nfields = 0;
	fields->starts[0] = 0;
}

void
castssl_hba_fields_free(CastsslHbaFields *fields)
{
	if (fields->starts)
	{
		pfree(fields->starts);
		pfree(fields->tokens);
	}
	*fields = (CastsslHbaFields){ 0 };
}

static bool
read_type(const char *text, CastsslHbaType *type)
{
	const size_t host = strlen("host");

	if (castssl_hba_same(castssl_hba_type_name(CASTSSL_HBA_LOCAL), text))
	{
		*type = CASTSSL_HBA_LOCAL;
		return true;
	}
	if (strncmp(text, "host", host) != 0)
		return false;
	for (int i = CASTSSL_HBA_HOST; i <= CASTSSL_HBA_HOSTNOGSSENC; i++)
	{
		if (castssl_hba_same(castssl_hba_type_name((CastsslHbaType) i) + host, text + host))
		{
			*type = (CastsslHbaType) i;
			return true;
		}
	}
	return false;
}

/*
 * Set rule->address. *next is the number of the address field, and becomes that of the
 * field after the address and its mask.
 */
static const char *
parse_address(const CastsslHbaFields *fields, int *next, CastsslHbaRule *rule)
{
	CastsslHbaTokens address;
	CastsslHbaTokens mask;
	bool has_mask;
	bool mask_used;
	const char *error;

	if (rule->type == CASTSSL_HBA_LOCAL)
		return NULL;
	if (*next >= fields->nfields)
		return "end-of-line before IP address specification";
	address = castssl_hba_field(fields, (*next)++);
	if (address.count > 1)
		return "multiple values specified for host address";
	has_mask = *next < fields->nfields;
	if (has_mask)
		mask = castssl_hba_field(fields, *next);
	error = castssl_hba_address_read(&address.items[0], has_mask ? &mask : NULL, &rule->address,
									 &mask_used);
	if (mask_used)
		(*next)++;
	return error;
}

static const char *
parse_method(const CastsslHbaFields *fields, int next, int version, CastsslHbaRule *rule)
{
	CastsslHbaTokens field;
	const char *method;

	if (next >= fields->nfields)
		return "end-of-line before authentication method";
	field = castssl_hba_field(fields, next);
	if (field.count > 1)
		return "multiple values specified for authentication type";
	method = castssl_hba_method(field.items[0].string, version);
	if (method == NULL)
		return psprintf("invalid authentication method \"%s\"", field.items[0].string);
	if (castssl_hba_method_is_unsupported(method))
		return psprintf("invalid authentication method \"%s\": not supported by this build",
						method);
	if (rule->type == CASTSSL_HBA_LOCAL && castssl_hba_same(method, "ident"))
		method = castssl_hba_method("peer", version);
	rule->method = method;
	if (rule->type == CASTSSL_HBA_LOCAL && castssl_hba_same(method, "gss"))
		return "gssapi authentication is not supported on local sockets";
	if (rule->type != CASTSSL_HBA_LOCAL && castssl_hba_same(method, "peer"))
		return "peer authentication is only supported on local sockets";
	if (rule->type != CASTSSL_HBA_HOSTSSL && castssl_hba_same(method, "cert"))
		return "cert authentication is only supported on hostssl connections";
	return NULL;
}

/* Do the regular expressions of this field compile? */
static const char *
check_regexps(CastsslHbaTokens tokens, int version, const CastsslHbaReader *reader)
{
	if (reader == NULL || reader->regexp_error == NULL)
		return NULL;
	for (int i = 0; i < tokens.count; i++)
	{
		const char *error = NULL;

		if (castssl_hba_is_regexp(&tokens.items[i], version))
			error = reader->regexp_error(reader->arg, tokens.items[i].string + 1);
		if (error)
			return error;
	}
	return NULL;
}

static const char *
parse_fields(const CastsslHbaFields *fields, int version, const CastsslHbaReader *reader,
			 CastsslHbaRule *rule)
{
	CastsslHbaTokens field = castssl_hba_field(fields, 0);
	const char *error;
	int next = 3;

	if (field.count > 1)
		return "multiple values specified for connection type";
	if (!read_type(field.items[0].string, &rule->type))
		return psprintf("invalid connection type \"%s\"", field.items[0].string);
	if (fields->nfields < 2)
		return "end-of-line before database specification";
	rule->databases = castssl_hba_field(fields, 1);
	error = check_regexps(rule->databases, version, reader);
	if (error)
		return error;
	if (fields->nfields < 3)
		return "end-of-line before role specification";
	rule->users = castssl_hba_field(fields, 2);

	error = check_regexps(rule->users, version, reader);
	if (error == NULL)
		error = parse_address(fields, &next, rule);
	if (error == NULL)
		error = parse_method(fields, next, version, rule);
	if (error)
		return error;
	rule->options.count = fields->ntokens - fields->starts[next + 1];
	rule->options.items = fields->tokens + fields->starts[next + 1];
	return castssl_hba_options_check(rule, version, reader);
}

void
castssl_hba_parse_rule(const CastsslHbaFields *fields, int version, const CastsslHbaReader *reader,
					   CastsslHbaRule *rule)
{
	rule->error = parse_fields(fields, version, reader, rule);
}

bool
castssl_hba_parse_text(const char *text, size_t length, int version, CastsslHbaLine *line,
					   CastsslHbaFields *fields, CastsslHbaRule *rule)
{
	castssl_hba_lex(line, text, length, version);
	castssl_hba_fields_reset(fields);
	for (int i = 0; i < line->nlexemes; i++)
	{
		const CastsslHbaLexeme *lexeme = &line->lexemes[i];

		castssl_hba_fields_add(fields, lexeme->string, lexeme->quoted);
		if (!lexeme->comma)
			castssl_hba_fields_end_field(fields);
	}
	castssl_hba_fields_end_field(fields);
	*rule = (CastsslHbaRule){ 0 };
	if (line->error || fields->nfields == 0)
		rule->error = line->error ? line->error : "no rule";
	else
		castssl_hba_parse_rule(fields, version, NULL, rule);
	return rule->error == NULL;
}
