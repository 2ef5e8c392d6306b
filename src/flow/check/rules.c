/*
 * rules.c
 *		Checks of pg_hba.conf: what the server refuses, and rules that wait for a parameter.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/words.h"
#include "flow/check/checks.h"
#include "flow/check/statements.h"
#include "flow/recipe/staging.h"
#include "hba/edit/rewrite.h"
#include "server/disk/closed.h"
#include "server/process/platform_account.h"

/* The rule with an error at "path:line"; NULL: it is not known. */
static const CastsslHbaRule *
rule_at(const CastsslCheckScope *scope, const char *place)
{
	const char *number = strrchr(place, ':');
	size_t length = number ? number - place : 0;

	for (int i = 0; number && i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];
		const char *path = scope->policy->files[rule->file]->path;

		if (rule->error && rule->line_number == strtol(number + 1, NULL, 10) &&
			strncmp(path, place, length) == 0 && path[length] == '\0')
			return rule;
	}
	return NULL;
}

/*
 * The file that an include names and the server may not read, from the message; NULL: another
 * problem.
 */
static char *
unreadable_file(const char *message)
{
	const char *begin = strchr(message, '"');
	const char *end = begin ? strrchr(message, '"') : NULL;
	char *path;

	if (end == NULL || end == begin || strncmp(message, "could not open ", 15) != 0)
		return NULL;
	path = pnstrdup(begin + 1, end - begin - 1);
	return castssl_closed_is(path) ? path : NULL;
}

/*
 * The hint for a missing folder that include_dir names, from the message; NULL: another problem.
 */
static char *
missing_folder_hint(const char *message)
{
	static const char start[] = "could not open directory \"";
	const char *path = message + strlen(start);
	const char *end = strrchr(message, '"');
	struct stat st;
	char *folder;

	if (strncmp(message, start, strlen(start)) != 0 || end <= path)
		return NULL;
	folder = pnstrdup(path, end - path);
	if (stat(folder, &st) == 0 || errno != ENOENT)
		return NULL;
	return castssl_hint_with(
		psprintf("Put the folder back with its files, or change the line with "
				 "castssl_hba_change().  Only if it had no files, as root: install -d -o %s -m 700 "
				 "%%s  Then: SELECT * FROM castssl_reload();",
				 castssl_account_word()),
		castssl_shell_word(folder));
}

/* The file that does not exist, from the message; NULL: another problem. */
static char *
missing_file(const char *message)
{
	const char *end = strrchr(message, '"');
	const char *begin = end;
	struct stat st;
	char *path;

	if (strncmp(message, "could not open ", 15) != 0 || end == NULL)
		return NULL;
	while (begin > message && begin[-1] != '"')
		begin--;
	path = pnstrdup(begin, end - begin);
	return is_absolute_path(path) && stat(path, &st) != 0 && errno == ENOENT ? path : NULL;
}

/*
 * The hint for a missing file that an include or "@name" names, from the message; NULL: another
 * problem.  It makes no file: with other names than before, the line would mean something else.
 */
static char *
missing_file_hint(const CastsslCheckScope *scope, const CastsslHbaRule *rule, const char *message)
{
	char *path = missing_file(message);
	const char *place = rule ? castssl_check_place(scope, rule) : NULL;
	char *text = rule ? castssl_check_rule_text(scope, rule) : NULL;
	char *old_rule = text ? castssl_sql_literal(text) : NULL;

	if (path == NULL || place == NULL || old_rule == NULL)
		return NULL;
	if (strcspn(text, " \t\"") == strlen("include") && strncmp(text, "include", 7) == 0)
		return castssl_hint_naming("Put the file back, or make \"%s\" with the rules that belong "
								   "there.  Then: SELECT * FROM castssl_reload();",
								   path);
	return psprintf("Put the file back, then: SELECT * FROM castssl_reload();  Or write its names "
					"into the line: SELECT castssl_hba_change(%s, rule => '...', old_rule => "
					"%s);" CASTSSL_CHECK_APPLY,
					place, old_rule);
}

/* What an outdated option of the line is repaired to; NULL: it has none, or another error. */
static char *
repaired_line(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	CastsslHbaRule repaired;
	const char *value;

	return rule->error ? castssl_hba_repair(scope->policy, rule, &repaired, &value) : NULL;
}

/* Is there a line that can be repaired, but not be shown? */
static bool
repairs_unseen(const CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];
		char *line = repaired_line(scope, rule);

		if (line && castssl_check_change(scope, rule, line) == NULL)
			return true;
	}
	return false;
}

/*
 * The statement that repairs a line that the server refuses; NULL: only its author can.  The one
 * that shows no line repairs all such lines, so then the others have it, too.
 */
static const char *
repair(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	char *line = repaired_line(scope, rule);

	if (line == NULL)
		return NULL;
	return repairs_unseen(scope) ? "SELECT castssl_hba_require_tls();"
								 : castssl_check_change(scope, rule, line);
}

/* The hint for a line that only its author can repair. */
static const char *
by_hand_hint(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	const char *place = castssl_check_place(scope, rule);

	return psprintf(
		"Correct the line, and do not remove it: "
		"castssl_hba_change(%s, rule => '...').  When no such line is left:" CASTSSL_CHECK_APPLY,
		place ? place : "...");
}

/*
 * A line that the server refuses was written for a reason, so the hint repairs it, and never
 * removes it.  All such lines must be repaired before any of the file can be loaded.
 */
static void
report_refused(CastsslCheckScope *scope, const CastsslFinding *finding, const CastsslHbaRule *rule)
{
	const char *subject = castssl_check_rule_name(scope, rule);
	const char *change = repair(scope, rule);
	const char *missing = missing_folder_hint(finding->message);
	const char *file = missing_file_hint(scope, rule, finding->message);

	if (missing == NULL && file)
		missing = castssl_check_edit_hint(scope, file);
	if (missing)
		castssl_check_report(scope, CASTSSL_ERROR, subject, finding->message, missing);
	else if (change == NULL)
		castssl_check_report(scope, CASTSSL_ERROR, subject, finding->message,
							 castssl_check_edit_hint(scope, by_hand_hint(scope, rule)));
	else if (scope->hba_findings.count == 1)
		castssl_check_report_edit(scope, CASTSSL_ERROR, subject, finding->message, change,
								  CASTSSL_CHECK_APPLY, NULL);
	else
		castssl_check_report(
			scope, CASTSSL_ERROR, subject, finding->message,
			castssl_check_edit_hint(
				scope, psprintf("%s  When no such line is left:" CASTSSL_CHECK_APPLY, change)));
}

void
castssl_check_hba_loads(CastsslCheckScope *scope)
{
	const CastsslFindings *findings = &scope->hba_findings;

	for (int i = 0; i < findings->count; i++)
	{
		const CastsslFinding *finding = &findings->items[i];
		const CastsslHbaRule *rule = rule_at(scope, finding->subject);
		char *file = unreadable_file(finding->message);

		if (file)
			castssl_check_report(scope, CASTSSL_ERROR, finding->subject, finding->message,
								 castssl_closed_hint(file));
		else if (rule == NULL)
			castssl_check_report(scope, CASTSSL_ERROR, finding->subject, finding->message,
								 "Correct the file, or put it back as it was, then: SELECT * FROM "
								 "castssl_reload();");
		else
			report_refused(scope, finding, rule);
	}
}

/* Staged edits are somebody's work, so no fix discards them. */
void
castssl_check_hba_staged(CastsslCheckScope *scope)
{
	CastsslStaged staged = castssl_staging_look();

	if (scope->misfit)
		castssl_check_report(
			scope, CASTSSL_WARNING, HbaFileName,
			psprintf("edits%s that are staged can no longer be applied: %s",
					 staged.roles ? psprintf(" of %s from %s", staged.roles, staged.at) : "",
					 scope->misfit),
			"SELECT castssl_hba_discard(); forgets them.  Then stage them again.");
}

/* ---- rules that wait for a parameter ---- */

void
castssl_check_hba_tls_off(CastsslCheckScope *scope)
{
	bool *found = palloc0(Max(scope->policy->nrules, 1) * sizeof(bool));
	char *names;

	for (int i = 0; i < scope->policy->nrules && !scope->ssl; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		found[i] = !rule->error && rule->type == CASTSSL_HBA_HOSTSSL;
	}
	names = castssl_check_rule_names(scope, found);
	if (names)
		castssl_check_report(scope, CASTSSL_WARNING, names,
							 "never used: TLS is off, and hostssl rules need it",
							 castssl_check_tls_on_hint(scope));
}

void
castssl_check_hba_clientcert(CastsslCheckScope *scope)
{
	bool *found = palloc0(Max(scope->policy->nrules, 1) * sizeof(bool));
	char *names;

	for (int i = 0; i < scope->policy->nrules && scope->ssl && !scope->ca_configured; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		found[i] = !rule->error && !scope->dead[i] && rule->clientcert != CASTSSL_CLIENTCERT_NONE;
	}
	names = castssl_check_rule_names(scope, found);
	if (names)
		castssl_check_report(
			scope, CASTSSL_ERROR, names,
			"asks for a client certificate, but the server has no CA: the rule refuses everybody",
			castssl_check_ca_hint(scope));
}
