/*
 * statements.c
 *		Statements that edit pg_hba.conf, for the columns hint and fix.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/stringinfo.h"

#include "base/words.h"
#include "flow/check/statements.h"
#include "hba/edit/keep.h"
#include "hba/edit/rewrite.h"
#include "hba/text/mask.h"

char *
castssl_check_place(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
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
	return castssl_hba_held(scope->policy->files[rule->file], rule->record);
}

/* The rule's line as a literal; NULL if it may hold a secret, or cannot be pasted safely. */
static char *
held_by(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	char *text = castssl_check_rule_text(scope, rule);

	return text ? castssl_sql_literal(text) : NULL;
}

char *
castssl_check_rewritten(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
						CastsslHbaType type, CastsslClientCert clientcert, const char *method)
{
	char *problem;
	char *line = castssl_hba_rewrite(scope->policy, rule, type, clientcert, method, &problem);

	if (line == NULL)
		return NULL;
	return psprintf("%s%s", line,
					castssl_hba_comment(scope->policy->files[rule->file], rule->record));
}

char *
castssl_check_change(const CastsslCheckScope *scope, const CastsslHbaRule *rule, const char *line)
{
	char *place = castssl_check_place(scope, rule);
	char *old = held_by(scope, rule);
	char *literal;

	if (place == NULL || old == NULL || line == NULL || holds_secret(line) ||
		(literal = castssl_sql_literal(line)) == NULL)
		return NULL;
	return psprintf("SELECT castssl_hba_change(%s, rule => %s, old_rule => %s);", place, literal,
					old);
}

char *
castssl_check_remove(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	char *place = castssl_check_place(scope, rule);
	char *old = held_by(scope, rule);

	return place && old ? psprintf("SELECT castssl_hba_remove(%s, rule => %s);", place, old) : NULL;
}

char *
castssl_check_add(const CastsslCheckScope *scope, const CastsslHbaRule *rule, const char *line,
				  const char *holds)
{
	char *literal = holds_secret(line) ? NULL : castssl_sql_literal(line);
	char *below = castssl_sql_literal(holds);
	char *file = castssl_sql_literal(scope->policy->files[rule->file]->path);

	if (literal == NULL || below == NULL || file == NULL)
		return NULL;
	return psprintf("SELECT castssl_hba_add(rule => %s, before_line => %d, before_rule => %s%s%s);",
					literal, rule->line_number, below, rule->file ? ", file_name => " : "",
					rule->file ? file : "");
}

/* ---- lines by their text, wherever they stand when the statement is typed ---- */

static bool
is_only_line(const CastsslCheckScope *scope, const CastsslHbaRule *rule, const char *text)
{
	const CastsslHbaDocument *document = scope->policy->files[rule->file];

	for (int i = 0; i < document->nrecords; i++)
	{
		if (i != rule->record && castssl_hba_same_line(document, i, text))
			return false;
	}
	return true;
}

/*
 * The arguments that name the rule's line by its text: text is the name of that argument.  If
 * another line holds it, too, the number stands beside it.
 */
static char *
by_text(const CastsslCheckScope *scope, const CastsslHbaRule *rule, const char *number,
		const char *text)
{
	char *literal = held_by(scope, rule);

	if (literal == NULL)
		return NULL;
	if (is_only_line(scope, rule, castssl_check_rule_text(scope, rule)))
		return psprintf("%s => %s", text, literal);
	return psprintf("%s => %d, %s => %s", number, rule->line_number, text, literal);
}

/* ", file_name => '...'"; empty for the main file. */
static char *
in_file(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	char *literal;

	if (rule->file == 0)
		return "";
	literal = castssl_sql_literal(scope->policy->files[rule->file]->path);
	return literal ? psprintf(", file_name => %s", literal) : NULL;
}

char *
castssl_check_remove_wherever(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	char *line = by_text(scope, rule, "line_number", "rule");
	char *file = in_file(scope, rule);

	return line && file ? psprintf("SELECT castssl_hba_remove(%s%s);", line, file) : NULL;
}

char *
castssl_check_put_above(const CastsslCheckScope *scope, const CastsslHbaRule *rule,
						const CastsslHbaRule *above)
{
	char *line = by_text(scope, rule, "line_number", "rule");
	char *other = by_text(scope, above, "before_line", "before_rule");
	char *file = in_file(scope, above);

	if (line == NULL || other == NULL || file == NULL)
		return NULL;
	if (rule->file == above->file)
		return psprintf("SELECT castssl_hba_move(%s, %s%s);", line, other, file);
	return psprintf("SELECT castssl_hba_add(rule => %s, %s%s);", held_by(scope, rule), other, file);
}

char *
castssl_check_in_transaction(const char *statements, const char *apply)
{
	/* on a standby, what is staged belongs to no transaction */
	return psprintf(RecoveryInProgress() ? "%s%s" : "BEGIN;%s%s COMMIT;", statements, apply);
}

/* Does the row itself come first, because nothing can be loaded before its line is mended? */
static bool
is_about_loading(const CastsslCheckScope *scope)
{
	return strcmp(scope->check, "hba_loads") == 0;
}

const char *
castssl_check_edit_hint(const CastsslCheckScope *scope, const char *hint)
{
	if (scope->edits_wait)
		return scope->edits_wait;
	if (is_about_loading(scope))
		return hint;
	if (scope->hba_findings.count > 0)
		return "First see to the rows hba_loads: no edit can be made live while the server "
			   "refuses a line.";
	return castssl_check_hint_that_loads(scope, hint);
}

void
castssl_check_report_edit(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
						  const char *message, const char *statements, const char *apply,
						  const char *otherwise)
{
	const char *fix = statements ? castssl_check_in_transaction(statements, apply) : NULL;
	const char *hint = castssl_check_edit_hint(scope, fix ? fix : otherwise);

	if (fix && hint == fix && !(is_about_loading(scope) && castssl_check_unloaded_first(scope)))
		castssl_check_report_fix(scope, severity, subject, message, fix);
	else
		castssl_check_report(scope, severity, subject, message, hint);
}
