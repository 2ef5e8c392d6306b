/*
 * stricter.c
 *		Rules that ask for more than the caller wants.
 *
 * A statement names a line of the file that is there when somebody reads it: the file of before in
 * a dry run, and otherwise the new one.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "lib/stringinfo.h"

#include "base/words.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/stricter.h"
#include "hba/edit/keep.h"
#include "hba/edit/rewrite.h"

/* Statements in one row */
#define MOST_STATEMENTS 5

/* The rules that ask for more, and what is said of them. */
typedef struct Stricter
{
	const CastsslHbaPolicy *policy;
	CastsslClientCert clientcert;
	const CastsslHbaRule *first; /* NULL: none */
	int count;
	StringInfoData statements;
	int nstatements;
	int later;             /* those that MOST_STATEMENTS leaves out */
	StringInfoData cert;   /* places of those whose method is cert */
	StringInfoData hidden; /* places of those whose line is not shown */
} Stricter;

/* The statement that makes a rule ask for clientcert; NULL if it cannot be shown. */
static char *
statement_to_loosen(const Stricter *stricter, const CastsslHbaRule *rule)
{
	const CastsslHbaDocument *document = stricter->policy->files[rule->file];
	char *old = castssl_hba_held(document, rule->record);
	char *line = castssl_hba_loosen(stricter->policy, rule, stricter->clientcert);
	char *path = castssl_sql_literal(document->path);

	if (old == NULL || line == NULL || path == NULL)
		return NULL;
	line = psprintf("%s%s", line, castssl_hba_comment(document, rule->record));
	old = castssl_sql_literal(old);
	line = castssl_sql_literal(line);
	if (old == NULL || line == NULL)
		return NULL;
	return psprintf("SELECT castssl_hba_change(line_number => %d, rule => %s, old_rule => %s%s%s);",
					rule->line_number, line, old, rule->file == 0 ? "" : ", file_name => ",
					rule->file == 0 ? "" : path);
}

static void
add_rule(Stricter *stricter, const CastsslHbaRule *rule)
{
	const char *place = castssl_hba_plan_place(stricter->policy, rule->file, rule->line_number);
	char *statement;

	if (stricter->count++ == 0)
		stricter->first = rule;
	if (strcmp(rule->method, "cert") == 0)
		castssl_append_listed(&stricter->cert, place);
	else if ((statement = statement_to_loosen(stricter, rule)) == NULL)
		castssl_append_listed(&stricter->hidden, place);
	else if (stricter->nstatements == MOST_STATEMENTS)
		stricter->later++;
	else
	{
		appendStringInfo(&stricter->statements, " %s", statement);
		stricter->nstatements++;
	}
}

/* "To loosen 2 of them: BEGIN; ... COMMIT;", and what is left out, each after two blanks. */
static char *
way_to_loosen(const Stricter *stricter, const CastsslReading *reading)
{
	int count = stricter->nstatements;
	StringInfoData text;

	initStringInfo(&text);
	if (count > 0)
		appendStringInfo(&text, "  To loosen %s%s: %s%s SELECT * FROM castssl_hba_apply();%s",
						 count < stricter->count ? psprintf("%d of them", count)
						 : count == 1            ? "it"
												 : "them",
						 reading->waits ? ", when this change is confirmed" : "",
						 /* on a standby, what is staged belongs to no transaction */
						 RecoveryInProgress() ? "" : "BEGIN;", stricter->statements.data,
						 RecoveryInProgress() ? "" : " COMMIT;");
	if (stricter->later > 0)
		appendStringInfo(&text, "  After that, the same call has the statements for %s.",
						 castssl_counted(stricter->later, "more rule", "more rules"));
	if (stricter->cert.len > 0)
		appendStringInfo(&text, "  Method cert always asks for verify-full: %s.",
						 stricter->cert.data);
	if (stricter->hidden.len > 0)
		appendStringInfo(&text, "  Not shown here, because the line may hold a secret: %s.",
						 stricter->hidden.data);
	return text.data;
}

void
castssl_stricter_warn(CastsslPlan *plan, const CastsslHbaWanted *wanted,
					  const CastsslReading *reading)
{
	bool repairs = reading->dry_run && plan->hba_before->nerrors > 0;
	Stricter stricter = { .clientcert = wanted->clientcert };

	if (!wanted->names_clientcert)
		return;
	stricter.policy =
		reading->dry_run ? castssl_hba_plan_as_meant(plan->hba_before) : plan->hba_after;
	initStringInfo(&stricter.statements);
	initStringInfo(&stricter.cert);
	initStringInfo(&stricter.hidden);
	for (int i = 0; i < stricter.policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &stricter.policy->rules[i];

		if (!rule->error && strcmp(rule->method, "reject") != 0 &&
			rule->clientcert > wanted->clientcert)
			add_rule(&stricter, rule);
	}
	if (stricter.first == NULL)
		return;
	castssl_plan_warn(
		plan, "edit pg_hba",
		castssl_hba_plan_place(stricter.policy, stricter.first->file, stricter.first->line_number),
		CASTSSL_CODE_asks_for_more,
		psprintf("%s for more than clientcert => '%s', and %s.%s",
				 castssl_counted(stricter.count, "rule asks", "rules ask"),
				 castssl_clientcert_name(wanted->clientcert),
				 stricter.count == 1 ? "stays as it is" : "stay as they are",
				 repairs ? "  First make this call without dry_run: the server refuses a line now."
						 : way_to_loosen(&stricter, reading)));
}
