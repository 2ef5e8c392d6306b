/*
 * parse.h
 *		One rule from the fields of its line (PostgreSQL: parse_hba_line).
 */
#ifndef CASTSSL_HBA_TEXT_PARSE_H
#define CASTSSL_HBA_TEXT_PARSE_H

#include "base/grow.h"
#include "hba/text/lex.h"
#include "hba/text/rule.h"

/*
 * The fields of a line.  All tokens are in one array, so the tokens of several fields
 * are contiguous.  Reusable: zero-initialize once, then castssl_hba_fields_reset for
 * each line.
 */
typedef struct CastsslHbaFields
{
	CastsslHbaToken *tokens;
	int ntokens;
	int *starts; /* index of the first token of each field; starts[nfields] is ntokens */
	int nfields;

	int token_capacity;
	int field_capacity;
} CastsslHbaFields;

extern void castssl_hba_fields_reset(CastsslHbaFields *fields);

/* Append a token to the current field. */
static inline void
castssl_hba_fields_add(CastsslHbaFields *fields, const char *string, bool quoted)
{
	CastsslHbaToken *token;

	CASTSSL_GROW(fields->tokens, fields->ntokens, fields->token_capacity);
	token = &fields->tokens[fields->ntokens++];
	token->string = string;
	token->quoted = quoted;
}

/* End the current field.  A field without a token (an empty @file) does not count. */
static inline void
castssl_hba_fields_end_field(CastsslHbaFields *fields)
{
	if (fields->ntokens == fields->starts[fields->nfields])
		return;
	CASTSSL_GROW(fields->starts, fields->nfields + 1, fields->field_capacity);
	fields->starts[++fields->nfields] = fields->ntokens;
}

extern void castssl_hba_fields_free(CastsslHbaFields *fields);

static inline CastsslHbaTokens
castssl_hba_field(const CastsslHbaFields *fields, int number)
{
	int start = fields->starts[number];

	return (CastsslHbaTokens){ .items = fields->tokens + start,
							   .count = fields->starts[number + 1] - start };
}

/*
 * Fill type, databases, users, address, method, options, clientcert and error of rule,
 * which must be zero before.  Strings and tokens are not copied: they belong to fields.
 * reader may be NULL: then everything that only the running server can check counts as
 * valid.
 */
extern void castssl_hba_parse_rule(const CastsslHbaFields *fields, int version,
								   const CastsslHbaReader *reader, CastsslHbaRule *rule);

/*
 * Read one line that refers to no other file into *rule. line and fields are scratch and
 * must outlive rule.  If the server would refuse the line, returns false and sets error.
 */
extern bool castssl_hba_parse_text(const char *text, size_t length, int version,
								   CastsslHbaLine *line, CastsslHbaFields *fields,
								   CastsslHbaRule *rule);

#endif
