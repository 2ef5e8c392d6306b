/*
 * order.c
 *		Checks of pg_hba.conf: rules that earlier ones hide, as a whole or in part.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/words.h"
#include "flow/check/checks.h"
#include "flow/check/fold.h"
#include "flow/check/statements.h"
#include "flow/plan/hba_plan.h"
#include "hba/access/compare.h"
#include "hba/access/unreachable.h"
#include "hba/edit/twins.h"
#include "hba/match/outcome.h"
#include "hba/text/address.h"
#include "hba/text/interval.h"
#include "hba/text/write.h"
#include "server/world.h"

#define MOST_BLOCKING 5 /* lines that a row names */

/* "line 3 matches", "lines 3, 7 match", or with a file name: the rules that answer instead. */
static char *
because_text(const CastsslCheckScope *scope, int rule)
{
	StringInfoData text;
	int file = scope->policy->rules[rule].file;
	int count = scope->nbecause[rule];

	initStringInfo(&text);
	for (int i = 0; i < Min(count, MOST_BLOCKING); i++)
	{
		const CastsslHbaRule *because = &scope->policy->rules[scope->because[rule][i]];

		if (because->file == 0 && file == 0)
			appendStringInfo(&text, "%s%d",
							 i            ? ", "
							 : count == 1 ? "line "
										  : "lines ",
							 because->line_number);
		else
			appendStringInfo(&text, "%s%s", i ? ", " : "", castssl_check_rule_name(scope, because));
	}
	if (count > MOST_BLOCKING)
		appendStringInfo(&text, " and %d more", count - MOST_BLOCKING);
	appendStringInfoString(&text, count == 1 ? " matches" : " match");
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

/* ---- files that are included twice ---- */

/* The first rule with the line of this one; not itself if its file is included twice. */
static int
first_of_line(const CastsslCheckScope *scope, int i)
{
	const CastsslHbaRule *rules = scope->policy->rules;
	int first = 0;

	while (first < i &&
		   (rules[first].file != rules[i].file || rules[first].record != rules[i].record))
		first++;
	return first;
}

/* Is the i-th rule, which nobody reaches, reached by another include of its file? */
static bool
is_reached_by_include(const CastsslCheckScope *scope, int i)
{
	const CastsslHbaRule *rules = scope->policy->rules;

	for (int j = 0; j < scope->policy->nrules; j++)
	{
		if (rules[j].file == rules[i].file && rules[j].record == rules[i].record && !scope->dead[j])
			return true;
	}
	return false;
}

/*
 * Does a line of a file that is included twice need no row as a dead line: because an earlier
 * include has it, or because one of them is reached?  The latter is reported as such.
 */
static bool
is_about_include(CastsslCheckScope *scope, int i, CastsslSeverity severity)
{
	const CastsslHbaRule *rule = &scope->policy->rules[i];

	if (is_reached_by_include(scope, i))
	{
		/* the main file includes itself: that is a row of hba_loads */
		if (rule->file == 0)
			return true;
		castssl_check_report(
			scope, severity, castssl_check_rule_name(scope, rule),
			psprintf("never used where this file is included again: %s the same clients first",
					 because_text(scope, i)),
			"The line itself is in use: leave it.  Is one of the includes of its file too many?  "
			"If so, remove that include, with castssl_hba_remove().");
		return true;
	}
	return first_of_line(scope, i) < i;
}

/* ---- rules that are hidden as a whole ---- */

/* The record that has this number before the edits; they insert nothing. */
static int
record_after(const CastsslHbaEdits *edits, int file, int record)
{
	int removed = 0;

	for (int i = 0; i < edits->count; i++)
		removed += edits->items[i].kind == CASTSSL_HBA_REMOVE && edits->items[i].file == file &&
				   edits->items[i].record < record;
	return record - removed;
}

static bool
is_reached(const CastsslHbaPolicy *policy, int file, int record)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		int *blocking;
		int count;

		if (policy->rules[i].file == file && policy->rules[i].record == record &&
			!castssl_hba_is_unreachable(policy, i, true, castssl_hba_world(), &blocking, &count))
			return true;
	}
	return false;
}

/*
 * Does castssl_disable() need this line, which castssl wrote?  It puts the line in force again
 * that is commented out below it, and connections would reach that one then.
 */
static bool
is_needed_to_undo(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	CastsslHbaEdits edits = { 0 };
	const CastsslHbaPolicy *undone;
	bool shared;
	int count;
	int *disabled =
		castssl_hba_disabled_below(scope->policy, rule->file, rule->record, &count, &shared);

	if (count == 0 || shared)
		return shared;
	castssl_hba_undo(scope->policy, &edits, NULL);
	undone = castssl_hba_plan_render(scope->policy, &edits);
	for (int i = 0; i < count; i++)
	{
		if (is_reached(undone, rule->file, record_after(&edits, rule->file, disabled[i])))
			return true;
	}
	return false;
}

/* From the last line up, so that a removal does not move the lines of the hints after it. */
void
castssl_check_hba_dead_rules(CastsslCheckScope *scope)
{
	for (int i = scope->policy->nrules - 1; i >= 0; i--)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		bool needed;

		if (!scope->dead[i] || scope->nbecause[i] == 0 || outcome_differs(scope, i) ||
			is_about_include(scope, i, CASTSSL_INFO))
			continue;
		needed = is_needed_to_undo(scope, rule);
		castssl_check_report_edit(
			scope, CASTSSL_INFO, castssl_check_rule_name(scope, rule),
			psprintf("never used: %s the same clients first, with the same result",
					 because_text(scope, i)),
			needed ? NULL : castssl_check_remove(scope, rule),
			" SELECT * FROM castssl_hba_apply();",
			needed
				? "Leave it: castssl_disable() needs this line, to put the line below it in force "
				  "again."
				: psprintf("Its text may hold a secret and is not shown here: remove line %d with "
						   "castssl_hba_remove(), and name that text as rule.",
						   rule->line_number));
	}
}

static const char *
text_or_number(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	const char *text = castssl_check_rule_text(scope, rule);

	return psprintf("%s%s%s%s", castssl_check_rule_name(scope, rule), text ? " (" : "",
					text ? text : "", text ? ")" : "");
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

static bool
is_reject(const CastsslHbaRule *rule)
{
	return strcmp(rule->method, "reject") == 0;
}

/* Could both rules take the same connection?  Users and databases are not looked at. */
static bool
may_meet(const CastsslHbaRule *a, const CastsslHbaRule *b)
{
	CastsslInterval one = castssl_interval_of(&a->address);
	CastsslInterval other = castssl_interval_of(&b->address);

	if (a->type == CASTSSL_HBA_LOCAL || b->type == CASTSSL_HBA_LOCAL)
		return a->type == b->type;
	return types_overlap(a->type, b->type) && castssl_interval_meets(&one, &other);
}

/*
 * Mark the rules whose connections the i-th rule would answer, with another result, if it stood
 * above the first of those that hide it.  They are more than those that hide it: others take
 * parts of its connections as well.
 */
static bool *
overtaken(const CastsslCheckScope *scope, int i)
{
	const CastsslHbaPolicy *policy = scope->policy;
	CastsslHbaPolicy before = *policy;
	CastsslHbaPolicy after = *policy;
	CastsslHbaWorld world = *castssl_hba_world();
	CastsslHbaDifferences differences = { 0 };
	bool *marked = palloc0(policy->nrules * sizeof(bool));
	int *origin = palloc((i + 1) * sizeof(int)); /* of the rules of before */
	int first = scope->because[i][0];
	int count = 0;

	before.rules = palloc((i + 1) * sizeof(CastsslHbaRule));
	after.rules = palloc((i + 1) * sizeof(CastsslHbaRule));
	for (int j = 0; j <= i; j++)
	{
		if (j == first)
			after.rules[count] = policy->rules[i];
		if (j < i && may_meet(&policy->rules[j], &policy->rules[i]))
		{
			after.rules[count + (j >= first)] = policy->rules[j];
			before.rules[count] = policy->rules[j];
			origin[count++] = j;
		}
	}
	before.rules[count] = policy->rules[i];
	before.nrules = after.nrules = count + 1;
	world.member = NULL; /* membership of groups changes without an edit */
	castssl_hba_compare(&before, true, &after, true, &world, &differences);
	castssl_hba_plan_tidy(&differences);
	for (int j = 0; j < differences.count; j++)
	{
		int rule = differences.items[j].before_rule;

		if (rule >= 0 && rule < count)
			marked[origin[rule]] = true;
	}
	marked[first] = true;
	return marked;
}

/*
 * "pg_hba.conf:3 (its text), pg_hba.conf:2": the marked rules that reject, or those that do not.
 * The text of at most one; none if words is false.
 */
static char *
marked_text(const CastsslCheckScope *scope, const bool *marked, bool rejects, bool words)
{
	StringInfoData text;
	int count = 0;

	initStringInfo(&text);
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (!marked[i] || is_reject(rule) != rejects)
			continue;
		if (count++ < MOST_BLOCKING)
			castssl_append_listed(&text, words && count == 1
											 ? text_or_number(scope, rule)
											 : castssl_check_rule_name(scope, rule));
	}
	if (count > MOST_BLOCKING)
		appendStringInfo(&text, " and %d more", count - MOST_BLOCKING);
	return count ? text.data : NULL;
}

/*
 * The hint with both choices, because nobody can know which rule is meant.  Removing an
 * unreachable reject loses what it was written for; moving an unreachable trust up admits clients
 * without proof.  So it names every line that the rule would overtake, the ones that reject first.
 */
static char *
choice(const CastsslCheckScope *scope, int i)
{
	const CastsslHbaRule *rule = &scope->policy->rules[i];
	const CastsslHbaRule *first = &scope->policy->rules[scope->because[i][0]];
	const bool *marked = overtaken(scope, i);
	const char *rejecting = marked_text(scope, marked, true, true);
	const char *others = marked_text(scope, marked, false, true);
	const char *above = psprintf("%s%s%s", rejecting ? rejecting : "",
								 rejecting && others ? ", " : "", others ? others : "");
	const char *also = rejecting && !is_reject(rule)
						   ? psprintf(", also for clients that %s rejects",
									  marked_text(scope, marked, true, false))
						   : "";
	const char *remove = is_needed_to_undo(scope, rule)
							 ? "leave the line, which castssl_disable() needs."
							 : castssl_check_remove_wherever(scope, rule);
	const char *move = castssl_check_put_above(scope, rule, first);

	if (remove == NULL)
		return castssl_hint_naming(
			psprintf("Which one is meant?  The text of line %d cannot be shown here.  If %s: "
					 "remove line %d in an editor.  If line %d: put it above there.  Then: SELECT "
					 "* FROM castssl_reload();",
					 rule->line_number, "%s", rule->line_number, rule->line_number),
			above);
	return psprintf("Which one is meant?  If %s: %s  If %s%s: %s  Then see castssl_hba_compare(), "
					"and apply it:" CASTSSL_CHECK_APPLY,
					above, remove, text_or_number(scope, rule), also,
					move ? move : "add it above, with castssl_hba_add().");
}

/*
 * From the first line down: what a choice puts above other lines stays above those that later
 * choices put there, as it stood before.
 */
void
castssl_check_hba_order(CastsslCheckScope *scope)
{
	int rows = 0;

	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		CHECK_FOR_INTERRUPTS();
		if (scope->dead[i] && scope->nbecause[i] > 0 && outcome_differs(scope, i) &&
			!is_about_include(scope, i, CASTSSL_WARNING))
			castssl_check_report(
				scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
				psprintf("never used: %s the same clients first, with another result",
						 because_text(scope, i)),
				/* fold.c replaces the hints of further rows, and a choice takes time */
				rows++ > CASTSSL_MOST_ROWS ? castssl_check_rule_name(scope, rule)
										   : castssl_check_edit_hint(scope, choice(scope, i)));
	}
}

/* ---- rules that are hidden in part ---- */

/* How much proof a rule asks for. */
static int
demand(const CastsslHbaRule *rule)
{
	if (is_reject(rule))
		return 4;
	if (rule->clientcert != CASTSSL_CLIENTCERT_NONE)
		return rule->clientcert == CASTSSL_CLIENTCERT_VERIFY_FULL ? 3 : 2;
	return strcmp(rule->method, "trust") == 0 ? 0 : 1;
}

/* Does the wide list contain "all", or name the same as the narrow one? */
static bool
covers(const CastsslHbaTokens *wide, const CastsslHbaTokens *narrow)
{
	return castssl_hba_has_keyword(wide, "all") || castssl_hba_tokens_equal(*wide, *narrow);
}

/* Does the first rule take all names of the second one, and more? */
static bool
is_narrower(const CastsslHbaRule *wide, const CastsslHbaRule *narrow)
{
	return covers(&wide->users, &narrow->users) && covers(&wide->databases, &narrow->databases) &&
		   !(covers(&narrow->users, &wide->users) && covers(&narrow->databases, &wide->databases));
}

/* Does the earlier rule take a part of what the later one is written for? */
static bool
hides_part(const CastsslHbaRule *earlier, const CastsslHbaRule *later)
{
	return is_narrower(earlier, later) && types_overlap(earlier->type, later->type) &&
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

/*
 * What each rule asks for, computed once because all pairs are compared.  A rule with an error
 * counts as asking for most.
 */
static int *
demands(const CastsslHbaPolicy *policy)
{
	int *result = palloc(Max(policy->nrules, 1) * sizeof(int));

	for (int i = 0; i < policy->nrules; i++)
		result[i] = policy->rules[i].error ? PG_INT32_MAX : demand(&policy->rules[i]);
	return result;
}

void
castssl_check_hba_partly_hidden(CastsslCheckScope *scope)
{
	const int *asked = demands(scope->policy);

	for (int i = 1; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];
		int first = 0;
		const char *move;

		CHECK_FOR_INTERRUPTS();
		if (rule->error || scope->dead[i] || asked[i] < 2)
			continue;
		while (first < i &&
			   (asked[first] >= asked[i] || !hides_part(&scope->policy->rules[first], rule)))
			first++;
		if (first == i)
			continue;
		move = may_move(scope, first, i)
				   ? castssl_check_put_above(scope, rule, &scope->policy->rules[first])
				   : NULL;
		castssl_check_report(
			scope, CASTSSL_INFO, castssl_check_rule_name(scope, rule),
			psprintf("for clients from %s, %s answers first, and asks for less than this rule",
					 common_clients(&scope->policy->rules[first], rule),
					 castssl_check_rule_name(scope, &scope->policy->rules[first])),
			castssl_check_edit_hint(
				scope, move ? psprintf("If this rule is meant for them, too: %s",
									   castssl_check_in_transaction(move, CASTSSL_CHECK_APPLY))
							: "If this rule is meant for them, too, add it above the other, with "
							  "castssl_hba_add().  Lines between them may reject such clients: see "
							  "castssl_hba_compare() before you apply it."));
	}
}
