/*
 * statements.c
 *		Statements that edit pg_hba.conf, for the columns hint and fix.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/words.h"
#include "flow/check/statements.h"
#include "flow/recipe/staging.h"
#include "hba/text/mask.h"

/* "line_number => 7", with the file where it is not the main one; NULL: not to be pasted. */
static char *
line_of(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	if (rule->file == 0)
		return psprintf("line_number => %d", rule->line_number);
	return castssl_hint_with(psprintf("line_number => %d, file_name => %%s", rule->line_number),
							 castssl_sql_literal(scope->policy->files[rule->file]->path));
}

static bool
holds_secret(const char *line)
{
	return strcmp(castssl_hba_mask(line, strlen(line)), line) != 0;
}

char *
castssl_check_rule_text(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	StringInfoData joined;
	size_t length;
	const char *text;
	char *line;

	initStringInfo(&joined);
	text =
		castssl_hba_record_text(scope->policy->files[rule->file], rule->record, &joined, &length);
	line = pnstrdup(text, length);
	return holds_secret(line) ? NULL : line;
}

char *
castssl_check_change(const CastsslCheckScope *scope, const CastsslHbaRule *rule, const char *line)
{
	char *place = line_of(scope, rule);
	char *literal;

	if (place == NULL || line == NULL || holds_secret(line) ||
		(literal = castssl_sql_literal(line)) == NULL)
		return NULL;
	return psprintf("SELECT castssl_hba_change(%s, rule => %s);", place, literal);
}

char *
castssl_check_remove(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	char *place = line_of(scope, rule);
	char *text = castssl_check_rule_text(scope, rule);
	char *literal = text ? castssl_sql_literal(text) : NULL;

	if (place == NULL)
		return NULL;
	return literal ? psprintf("SELECT castssl_hba_remove(%s, rule => %s);", place, literal)
				   : psprintf("SELECT castssl_hba_remove(%s);", place);
}

char *
castssl_check_add(const CastsslCheckScope *scope, const CastsslHbaRule *rule, const char *line)
{
	char *literal = holds_secret(line) ? NULL : castssl_sql_literal(line);
	char *file = castssl_sql_literal(scope->policy->files[rule->file]->path);

	if (literal == NULL || file == NULL)
		return NULL;
	return psprintf("SELECT castssl_hba_add(rule => %s, before_line => %d%s%s);", literal,
					rule->line_number, rule->file ? ", file_name => " : "", rule->file ? file : "");
}

char *
castssl_check_move(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
				   const CastsslHbaRule *above)
{
	char *place = line_of(scope, rule);

	if (place == NULL || rule->file != above->file)
		return NULL;
	return psprintf("SELECT castssl_hba_move(%s, before_line => %d);", place, above->line_number);
}

void
castssl_check_report_edit(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
						  const char *message, const char *statements, const char *apply,
						  const char *otherwise)
{
	if (statements == NULL)
		castssl_check_report(scope, severity, subject, message, otherwise);
	else if (castssl_staging_look().differs)
		castssl_check_report(scope, severity, subject, message,
							 "Other edits of pg_hba.conf are staged: SELECT castssl_hba_diff(); "
							 "shows them.  First apply them or discard them.");
	else
		castssl_check_report_fix(scope, severity, subject, message,
								 psprintf("%s%s", statements, apply));
}
