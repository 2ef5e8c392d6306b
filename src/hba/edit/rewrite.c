/*
 * rewrite.c
 *		A rule as a changed line: another type, another method, a client certificate.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/edit/rewrite.h"
#include "hba/text/address.h"
#include "hba/text/options.h"
#include "hba/text/parse.h"
#include "hba/text/write.h"

/* A rule and the tokens of its line. */
typedef struct Source
{
	const CastsslHbaRule *rule;
	int version;
	StringInfoData joined;
	CastsslHbaLine line;
	int method; /* number of its lexeme; -1: the places of the fields are unknown */
} Source;

static void
open_source(Source *source, const CastsslHbaPolicy *policy, const CastsslHbaRule *rule)
{
	const char *text;
	size_t length;

	*source = (Source){ .rule = rule, .version = policy->version, .method = -1 };
	initStringInfo(&source->joined);
	text =
		castssl_hba_record_text(policy->files[rule->file], rule->record, &source->joined, &length);
	castssl_hba_lex(&source->line, text, length, policy->version);
}

static void
close_source(Source *source)
{
	castssl_hba_line_free(&source->line);
	pfree(source->joined.data);
}

/*
 * Find the method's lexeme.  Names of databases and users may come from @file.  With any
 * other @file, method stays -1, because its contents are unknown here.
 */
static void
find_method(Source *source)
{
	const CastsslHbaRule *rule = source->rule;
	int last_field = 3; /* number of the method's field */
	int field = 0;

	if (rule->type != CASTSSL_HBA_LOCAL)
		last_field++;
	for (int i = 0; i < source->line.nlexemes; i++)
	{
		const CastsslHbaLexeme *lexeme = &source->line.lexemes[i];

		if (lexeme->file && field != 1 && field != 2)
			return;
		/* a mask follows an address without a slash */
		if (field == 3 && rule->address.kind == CASTSSL_HBA_ADDRESS_MASK &&
			strchr(lexeme->string, '/') == NULL)
			last_field = 5;
		if (field == last_field)
		{
			source->method = i;
			break;
		}
		if (!lexeme->comma)
			field++;
	}
	for (int i = source->method + 1; i < source->line.nlexemes; i++)
	{
		if (source->line.lexemes[i].file)
			source->method = -1;
	}
}

static void
append_lexeme(StringInfo text, const Source *source, const CastsslHbaLexeme *lexeme)
{
	appendBinaryStringInfo(text, source->line.text + lexeme->start,
						   (int) (lexeme->end - lexeme->start));
	if (lexeme->open)
		appendStringInfoChar(text, '"');
}

/* The column after these bytes; a tab leads to the next multiple of eight. */
static int
column_behind(int column, const char *bytes, int length)
{
	for (int i = 0; i < length; i++)
		column = bytes[i] == '\t' ? (column / 8 + 1) * 8 : column + 1;
	return column;
}

/*
 * Append the blanks between the previous lexeme and this one.  If the text before them is now
 * longer or shorter than in the source, there are fewer or more blanks, so that the columns of
 * the line stay aligned.  A single space separates no columns.
 */
static void
append_gap(StringInfo text, const Source *source, int number)
{
	const CastsslHbaLexeme *lexeme = &source->line.lexemes[number];
	const char *gap = source->line.text + lexeme[-1].end;
	int length = (int) (lexeme->start - lexeme[-1].end);
	int wanted = column_behind(0, source->line.text, (int) lexeme->start);
	int column = column_behind(0, text->data, text->len);
	bool blanks = number <= source->method && strspn(gap, " \t") >= (size_t) length &&
				  (length > 1 || gap[0] == '\t');

	while (blanks && length > 1 && column_behind(column, gap, length) > wanted)
	{
		gap++;
		length--;
	}
	while (blanks && column_behind(column, gap, length) < wanted &&
		   column_behind(column_behind(column, gap, 1), gap, length) <= wanted)
	{
		appendStringInfoChar(text, gap[0]);
		column = column_behind(column, gap, 1);
	}
	appendBinaryStringInfo(text, gap, length);
}

/* Does the option stay?  If there are several clientcert, the last one counts. */
static bool
keep_option(const char *option, const CastsslHbaRule *target, int version)
{
	const char *value = castssl_hba_option_value(option, "clientcert");

	if (value == NULL)
		return castssl_hba_option_fits(option, target->method, version);
	if (strcmp(target->method, "cert") == 0 || target->type != CASTSSL_HBA_HOSTSSL)
		return false;
	return strcmp(value, castssl_clientcert_name(target->clientcert)) == 0;
}

static bool
is_clientcert(const char *option)
{
	return castssl_hba_option_value(option, "clientcert") != NULL;
}

/* Make the line from the bytes of its source. */
static void
write_from_bytes(StringInfo text, const Source *source, const CastsslHbaRule *target,
				 bool *has_clientcert)
{
	const CastsslHbaLine *line = &source->line;
	bool same_method = target->method == source->rule->method;
	bool kept_before = true;

	appendBinaryStringInfo(text, line->text, (int) line->lexemes[0].start);
	appendStringInfoString(text, castssl_hba_type_name(target->type));
	for (int i = 1; i < line->nlexemes; i++)
	{
		const CastsslHbaLexeme *lexeme = &line->lexemes[i];
		bool kept = i <= source->method || keep_option(lexeme->string, target, source->version);

		if (kept)
		{
			if (kept_before)
				append_gap(text, source, i);
			else
				appendStringInfoChar(text, ' ');
			if (i == source->method && !same_method)
				appendStringInfoString(text, target->method);
			else
				append_lexeme(text, source, lexeme);
			*has_clientcert =
				*has_clientcert || (i > source->method && is_clientcert(lexeme->string));
		}
		kept_before = kept;
	}
}

/* Make the line from values, because the bytes of the fields are unknown. */
static void
write_from_values(StringInfo text, const Source *source, const CastsslHbaRule *target,
				  bool *has_clientcert)
{
	const CastsslHbaRule *rule = source->rule;

	appendStringInfo(text, "%s ", castssl_hba_type_name(target->type));
	castssl_hba_write_tokens(text, &rule->databases);
	appendStringInfoChar(text, ' ');
	castssl_hba_write_tokens(text, &rule->users);
	appendStringInfoChar(text, ' ');
	castssl_hba_write_address(text, &rule->address);
	appendStringInfo(text, " %s", target->method);
	for (int i = 0; i < rule->options.count; i++)
	{
		const char *option = rule->options.items[i].string;

		if (!keep_option(option, target, source->version))
			continue;
		appendStringInfoChar(text, ' ');
		castssl_hba_write_token(text, &rule->options.items[i]);
		*has_clientcert = *has_clientcert || is_clientcert(option);
	}
}

/* Does the server read the text as the target rule?  NULL, or the error. */
static const char *
read_back(const char *text, const Source *source, const CastsslHbaRule *target)
{
	CastsslHbaLine line = { 0 };
	CastsslHbaFields fields = { 0 };
	CastsslHbaRule got;
	const char *problem = NULL;
	bool names_files = false;

	castssl_hba_parse_text(text, strlen(text), source->version, &line, &fields, &got);
	for (int i = 0; i < line.nlexemes; i++)
		names_files = names_files || line.lexemes[i].file;
	if (got.error)
		problem = got.error;
	else if (got.type != target->type || got.method != target->method ||
			 got.clientcert != target->clientcert ||
			 !castssl_hba_address_equal(&got.address, &source->rule->address) ||
			 (!names_files && (!castssl_hba_tokens_equal(got.databases, source->rule->databases) ||
							   !castssl_hba_tokens_equal(got.users, source->rule->users))))
		problem = "the line cannot be rewritten"; /* LCOV_EXCL_LINE: only by a bug of ours */
	castssl_hba_line_free(&line);
	castssl_hba_fields_free(&fields);
	return problem;
}

/* Write the target rule as text.  NULL, or why the server would not read it as that rule. */
static const char *
write_line(StringInfo text, const Source *source, const CastsslHbaRule *target)
{
	bool has_clientcert = false;

	resetStringInfo(text);
	if (source->method >= 0)
		write_from_bytes(text, source, target, &has_clientcert);
	else
		write_from_values(text, source, target, &has_clientcert);
	if (target->clientcert != CASTSSL_CLIENTCERT_NONE && !has_clientcert &&
		strcmp(target->method, "cert") != 0)
		appendStringInfo(text, " clientcert=%s", castssl_clientcert_name(target->clientcert));
	return read_back(text->data, source, target);
}

static char *
rewrite(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule, CastsslHbaType type,
		CastsslClientCert clientcert, const char *method, char **problem)
{
	CastsslHbaRule target = *rule;
	const char *error;
	StringInfoData text;
	Source source;

	target.type = type;
	target.method = method ? castssl_hba_method(method, policy->version) : rule->method;
	target.clientcert = type == CASTSSL_HBA_HOSTSSL ? clientcert : CASTSSL_CLIENTCERT_NONE;
	if (target.method == NULL)
	{
		*problem = psprintf("invalid authentication method \"%s\"", method);
		return NULL;
	}
	if (strcmp(target.method, "cert") == 0)
		target.clientcert = CASTSSL_CLIENTCERT_VERIFY_FULL;

	open_source(&source, policy, rule);
	find_method(&source);
	initStringInfo(&text);
	error = write_line(&text, &source, &target);
	if (error && source.method >= 0)
	{
		/* an @file without tokens is not a field, so that lexeme was not the method */
		source.method = -1;
		error = write_line(&text, &source, &target);
	}
	close_source(&source);
	if (error)
	{
		*problem = pstrdup(error);
		return NULL;
	}
	return text.data;
}

char *
castssl_hba_rewrite(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule, CastsslHbaType type,
					CastsslClientCert clientcert, const char *method, char **problem)
{
	return rewrite(policy, rule, type, Max(rule->clientcert, clientcert), method, problem);
}

char *
castssl_hba_loosen(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule,
				   CastsslClientCert clientcert)
{
	char *problem;

	if (strcmp(rule->method, "cert") == 0)
		return NULL;
	return rewrite(policy, rule, rule->type, clientcert, NULL, &problem);
}

/* The value of an option of 13 that later versions refuse; NULL for any other option. */
static const char *
outdated_value(const char *option)
{
	const char *value = castssl_hba_option_value(option, "clientcert");

	if (value &&
		(strcmp(value, "1") == 0 || strcmp(value, "0") == 0 || strcmp(value, "no-verify") == 0))
		return value;
	return NULL;
}

static bool
has_outdated(const CastsslHbaRule *rule)
{
	for (int i = 0; i < rule->options.count; i++)
	{
		if (outdated_value(rule->options.items[i].string))
			return true;
	}
	return false;
}

/* Change one outdated option of a record; raw begins with the record's bytes. */
static void
repair_option(StringInfo raw, const CastsslHbaDocument *document, const Source *source, int number)
{
	const CastsslHbaLexeme *lexeme = &source->line.lexemes[number];
	int record = source->rule->record;
	size_t start = castssl_hba_record_offset(document, record, lexeme->start);
	size_t end = castssl_hba_record_offset(document, record, lexeme->end - 1) + 1;
	const char *instead = "";
	char *rest;

	/* method cert accepts only verify-full */
	if (strcmp(outdated_value(lexeme->string), "1") == 0)
		instead = source->rule->method && strcmp(source->rule->method, "cert") == 0
					  ? "clientcert=verify-full"
					  : "clientcert=verify-ca";
	else if (lexeme->comma)
		end = castssl_hba_record_offset(document, record, lexeme->end) + 1;
	else
	{
		while (start > 0 && (raw->data[start - 1] == ' ' || raw->data[start - 1] == '\t'))
			start--;
	}
	rest = pnstrdup(raw->data + end, raw->len - end);
	raw->len = (int) start;
	appendStringInfoString(raw, instead);
	appendStringInfoString(raw, rest);
	pfree(rest);
}

/* Is raw now a valid line?  Then *repaired is its rule. */
static bool
is_repaired(StringInfo raw, const CastsslHbaPolicy *policy, const CastsslHbaRule *rule,
			CastsslHbaRule *repaired)
{
	CastsslHbaDocument *document =
		castssl_hba_document_read("", raw->data, raw->len, policy->version);
	CastsslHbaLine line = { 0 };
	CastsslHbaFields fields = { 0 };
	CastsslHbaRule got = { 0 };
	StringInfoData joined;
	const char *text;
	size_t length;
	bool good;

	initStringInfo(&joined);
	text = castssl_hba_record_text(document, 0, &joined, &length);
	good = document->nrecords == 1 &&
		   castssl_hba_parse_text(text, length, policy->version, &line, &fields, &got) &&
		   got.method == rule->method && got.type == rule->type;
	*repaired = *rule;
	repaired->error = NULL;
	repaired->clientcert = got.clientcert;
	castssl_hba_line_free(&line);
	castssl_hba_fields_free(&fields);
	pfree(joined.data);
	return good;
}

char *
castssl_hba_repair(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule,
				   CastsslHbaRule *repaired, const char **value)
{
	const CastsslHbaDocument *document = policy->files[rule->file];
	const CastsslHbaRecord *record = &document->records[rule->record];
	StringInfoData raw;
	Source source;
	bool found = false;

	/* in 13 a line with an outdated value is valid */
	if (rule->record < 0 || rule->type != CASTSSL_HBA_HOSTSSL || rule->method == NULL ||
		(rule->error == NULL && !has_outdated(rule)))
		return NULL;
	open_source(&source, policy, rule);
	initStringInfo(&raw);
	appendBinaryStringInfo(
		&raw, document->data + record->offset,
		(int) (record->length - castssl_hba_record_line_end(document, rule->record)));
	/* the last one first, so that the offsets of the others stay valid */
	for (int i = source.line.nlexemes - 1; i > 0; i--)
	{
		const char *outdated = outdated_value(source.line.lexemes[i].string);

		if (outdated)
		{
			*value = pstrdup(outdated);
			repair_option(&raw, document, &source, i);
			found = true;
		}
	}
	close_source(&source);
	if (found && is_repaired(&raw, policy, rule, repaired))
		return raw.data;
	return NULL;
}
