/*
 * rules.c
 *		Checks of pg_hba.conf: what the server refuses, and rules that have no effect.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "utils/guc.h"

#include "base/words.h"
#include "flow/check/checks.h"
#include "flow/check/statements.h"
#include "hba/edit/rewrite.h"
#include "hba/match/outcome.h"
#include "hba/text/address.h"
#include "hba/text/write.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"

/* The rule with an error at "path:line"; NULL: it is not known. */
static const CastsslHbaRule *
rule_at(const CastsslCheckScope *scope, const char *place)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (rule->error &&
			strcmp(psprintf("%s:%d", scope->policy->files[rule->file]->path, rule->line_number),
				   place) == 0)
			return rule;
	}
	return NULL;
}

/* The file that an include names and the server may not read, from its message; NULL: another. */
static char *
unreadable_file(const char *message)
{
	const char *begin = strchr(message, '"');
	const char *end = begin ? strrchr(message, '"') : NULL;
	char *path;

	if (end == NULL || end == begin || strncmp(message, "could not open ", 15) != 0)
		return NULL;
	path = pnstrdup(begin + 1, end - begin - 1);
	return access(path, R_OK) != 0 && errno == EACCES ? path : NULL;
}

/* How the server's account gets at a file of pg_hba.conf: its place is right. */
static char *
readable_hint(const char *path)
{
	char *account = castssl_account_name(castssl_platform_user_id());
	struct stat st;
	char *folder = castssl_account_blocked_at(path, &st);

	if (folder)
		return castssl_hint_naming(
			psprintf("Let the server's account %s pass through the folder \"%%s\" (mode %04o).",
					 account, (unsigned) (st.st_mode & 07777)),
			folder);
	if (stat(path, &st) == 0 && (int) st.st_uid == castssl_platform_user_id())
		return castssl_hint_with("Let the server's account read it: chmod u+r %s",
								 castssl_shell_word(path));
	return castssl_hint_with(
		psprintf("Let the server's account read it, as root: chown %s %%s", account),
		castssl_shell_word(path));
}

/*
 * A line that the server refuses decided something when it was good: it is mended, and never
 * removed.  A typing error only its author can mend.
 */
void
castssl_check_hba_loads(CastsslCheckScope *scope)
{
	const CastsslFindings *findings = &scope->hba_findings;

	for (int i = 0; i < findings->count; i++)
	{
		const char *subject = findings->items[i].subject;
		const char *message = findings->items[i].message;
		const CastsslHbaRule *rule = rule_at(scope, subject);
		CastsslHbaRule repaired;
		const char *value;
		char *file = unreadable_file(message);

		if (file)
			castssl_check_report(scope, CASTSSL_ERROR, subject, message, readable_hint(file));
		else if (rule == NULL)
			castssl_check_report(scope, CASTSSL_ERROR, subject, message,
								 "Correct that, then: SELECT * FROM castssl_reload();");
		else
			castssl_check_report_edit(
				scope, CASTSSL_ERROR, castssl_check_rule_name(scope, rule), message,
				castssl_check_change(scope, rule,
									 castssl_hba_repair(scope->policy, rule, &repaired, &value)),
				CASTSSL_CHECK_APPLY,
				castssl_hint_naming(
					psprintf("Write line %d%s as it is meant to be, and do not remove it: "
							 "castssl_hba_change(line_number => %d%s, rule => '...'), then "
							 "castssl_hba_apply(confirm_within => '10 min').",
							 rule->line_number, rule->file ? " of \"%s\"" : "", rule->line_number,
							 rule->file ? ", file_name => '...'" : ""),
					scope->policy->files[rule->file]->path));
	}
}

/* "line 3, line 7" or "10-app.conf:3": the rules that answer instead, with their text. */
static char *
because_text(const CastsslCheckScope *scope, int rule)
{
	StringInfoData text;
	int file = scope->policy->rules[rule].file;

	initStringInfo(&text);
	for (int i = 0; i < scope->nbecause[rule] && i < 5; i++)
	{
		const CastsslHbaRule *because = &scope->policy->rules[scope->because[rule][i]];

		if (because->file == 0 && file == 0)
			appendStringInfo(&text, "%s%d", i ? ", " : "line ", because->line_number);
		else
			appendStringInfo(&text, "%s%s", i ? ", " : "", castssl_check_rule_name(scope, because));
	}
	return text.data;
}

/* Does an earlier rule that makes this one unreachable give another answer than this one would? */
static bool
outcome_differs(const CastsslCheckScope *scope, int i)
{
	for (int j = 0; j < scope->nbecause[i]; j++)
	{
		if (!castssl_hba_same_outcome(&scope->policy->rules[scope->because[i][j]],
									  &scope->policy->rules[i]))
			return true;
	}
	return false;
}

/* From the last line up: a removal does not move the lines of the hints behind it. */
void
castssl_check_hba_dead_rules(CastsslCheckScope *scope)
{
	for (int i = scope->policy->nrules - 1; i >= 0; i--)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (scope->dead[i] && scope->nbecause[i] > 0 && !outcome_differs(scope, i))
			castssl_check_report_edit(
				scope, CASTSSL_INFO, castssl_check_rule_name(scope, rule),
				psprintf("never used: %s matches the same clients first, with the same result",
						 because_text(scope, i)),
				castssl_check_remove(scope, rule), " SELECT * FROM castssl_hba_apply();", NULL);
	}
}

static const char *
text_or_number(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	const char *text = castssl_check_rule_text(scope, rule);

	return psprintf("%s%s%s%s", castssl_check_rule_name(scope, rule), text ? " (" : "",
					text ? text : "", text ? ")" : "");
}

/*
 * Which of both is meant, nobody can know: removing a dead reject loses what it was written for,
 * and putting a dead trust above lets in without proof.
 */
static char *
choice(const CastsslCheckScope *scope, int i)
{
	const CastsslHbaRule *rule = &scope->policy->rules[i];
	const CastsslHbaRule *first = &scope->policy->rules[scope->because[i][0]];
	const char *remove = castssl_check_remove(scope, rule);
	const char *move = castssl_check_move(scope, rule, first);

	if (remove == NULL)
		return NULL;
	return psprintf("Which one is meant?  If %s: %s  If %s: %s  Then see castssl_hba_compare(), "
					"and apply it:" CASTSSL_CHECK_APPLY,
					text_or_number(scope, first), remove, text_or_number(scope, rule),
					move ? move : "write it above the other, with castssl_hba_add().");
}

void
castssl_check_hba_order(CastsslCheckScope *scope)
{
	for (int i = scope->policy->nrules - 1; i >= 0; i--)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (scope->dead[i] && scope->nbecause[i] > 0 && outcome_differs(scope, i))
			castssl_check_report(
				scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
				psprintf("never used: %s matches the same clients first, with another result",
						 because_text(scope, i)),
				choice(scope, i));
	}
}

/* ---- rules that are hidden in part ---- */

/* How much proof a rule asks for. */
static int
demand(const CastsslHbaRule *rule)
{
	if (strcmp(rule->method, "reject") == 0)
		return 4;
	if (rule->clientcert != CASTSSL_CLIENTCERT_NONE)
		return rule->clientcert == CASTSSL_CLIENTCERT_VERIFY_FULL ? 3 : 2;
	return strcmp(rule->method, "trust") == 0 ? 0 : 1;
}

/* Does the list name "all" (only where wanted), or each of the others? */
static bool
covers(const CastsslHbaTokens *wide, const CastsslHbaTokens *narrow)
{
	for (int i = 0; i < wide->count; i++)
	{
		if (castssl_hba_is_keyword(&wide->items[i], "all"))
			return true;
	}
	return castssl_hba_tokens_equal(*wide, *narrow);
}

/* Are the names of the second rule fewer: does the first one take them, and all others, too? */
static bool
is_narrower(const CastsslHbaRule *wide, const CastsslHbaRule *narrow)
{
	return covers(&wide->users, &narrow->users) && covers(&wide->databases, &narrow->databases) &&
		   !(covers(&narrow->users, &wide->users) && covers(&narrow->databases, &wide->databases));
}

static bool
types_overlap(CastsslHbaType a, CastsslHbaType b)
{
	for (int encryption = CASTSSL_PLAINTEXT; encryption <= CASTSSL_GSS; encryption++)
	{
		if (castssl_hba_type_takes(a, 4, encryption) && castssl_hba_type_takes(b, 4, encryption))
			return true;
	}
	return false;
}

/* Does the earlier rule take a part of what the later one, which asks for more, is written for? */
static bool
hides_part(const CastsslHbaRule *earlier, const CastsslHbaRule *later)
{
	return earlier->error == NULL && demand(earlier) < demand(later) &&
		   is_narrower(earlier, later) && types_overlap(earlier->type, later->type) &&
		   castssl_check_rule_is_remote(earlier) &&
		   (castssl_hba_address_contains(&earlier->address, &later->address) ||
			castssl_hba_address_contains(&later->address, &earlier->address));
}

/* Can it be moved above the other without overtaking a rule that asks for more or rejects? */
static bool
may_move(const CastsslCheckScope *scope, int above, int rule)
{
	for (int i = above; i < rule; i++)
	{
		const CastsslHbaRule *passed = &scope->policy->rules[i];

		if (passed->error || demand(passed) >= demand(&scope->policy->rules[rule]))
			return false;
	}
	return true;
}

/* The clients of both rules. */
static char *
common_clients(const CastsslHbaRule *a, const CastsslHbaRule *b)
{
	const CastsslHbaAddress *address =
		castssl_hba_address_contains(&a->address, &b->address) ? &b->address : &a->address;

	return castssl_hba_address_text(address);
}

void
castssl_check_hba_partly_hidden(CastsslCheckScope *scope)
{
	for (int i = scope->policy->nrules - 1; i > 0; i--)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];
		int first = 0;
		const char *move;

		if (rule->error || scope->dead[i] || demand(rule) < 2)
			continue;
		while (first < i && !hides_part(&scope->policy->rules[first], rule))
			first++;
		if (first == i)
			continue;
		move = may_move(scope, first, i)
				   ? castssl_check_move(scope, rule, &scope->policy->rules[first])
				   : NULL;
		castssl_check_report(
			scope, CASTSSL_INFO, castssl_check_rule_name(scope, rule),
			psprintf("for clients of %s, %s answers first, and asks for less than this rule",
					 common_clients(&scope->policy->rules[first], rule),
					 castssl_check_rule_name(scope, &scope->policy->rules[first])),
			move ? psprintf("%s" CASTSSL_CHECK_APPLY, move)
				 : "Where this rule is meant to count for them too, write it above the other, with "
				   "castssl_hba_add().");
	}
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
							 "never used: hostssl rules wait for TLS, which is off",
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
		castssl_check_report(scope, CASTSSL_ERROR, names,
							 "asks for a client certificate while ssl_ca_file is empty: every "
							 "login by it is refused",
							 castssl_check_ca_hint(scope));
}
