/*
 * lines.c
 *		Edits of single lines of pg_hba.conf: add, change, move, remove.
 */
#include "postgres.h"

#include "flow/plan/hba_plan.h"
#include "flow/recipe/lines.h"
#include "flow/recipe/meant.h"
#include "hba/access/unreachable.h"
#include "hba/edit/keep.h"
#include "hba/edit/twins.h"
#include "hba/match/match.h"
#include "server/world.h"

/* Index of the (first) rule in this record; -1 if it holds none. */
static int
rule_of_record(const CastsslHbaPolicy *policy, int file, int record)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		if (policy->rules[i].file == file && policy->rules[i].record == record)
			return i;
	}
	return -1;
}

/* ---- where a rule takes effect ---- */

/*
 * Do earlier lines block the rule where it stands?  TLS counts as on, because a rule that waits
 * for TLS is not blocked by a line.
 */
static bool
is_blocked(const CastsslHbaPolicy *policy, int rule, int *first)
{
	int *blocking;
	int count;

	if (!castssl_hba_is_unreachable(policy, rule, true, castssl_hba_world(), &blocking, &count) ||
		count == 0)
		return false;
	*first = blocking[0];
	return true;
}

/* An equal rule that is reached; -1 if there is none. */
static int
find_standing(const CastsslHbaPolicy *policy, const CastsslHbaRule *wanted)
{
	int first;

	for (int i = 0; i < policy->nrules; i++)
	{
		if (castssl_hba_same_rule(&policy->rules[i], wanted) && !is_blocked(policy, i, &first))
			return i;
	}
	return -1;
}

static const char *
path_of(const CastsslHbaPolicy *policy, int rule)
{
	return policy->files[policy->rules[rule].file]->path;
}

/* A WARNING if the rule that is now in this record is blocked. */
static void
warn_if_blocked(const CastsslHbaPolicy *policy, int file, int record)
{
	int rule = rule_of_record(policy, file, record);
	int first;

	if (rule < 0 || !is_blocked(policy, rule, &first))
		return;
	ereport(WARNING,
			(errmsg("no connection reaches line %d of \"%s\"", policy->rules[rule].line_number,
					path_of(policy, rule)),
			 errdetail("Line %d of \"%s\" answers first.", policy->rules[first].line_number,
					   path_of(policy, first)),
			 policy->rules[first].file != file ? 0
			 : file == 0
				 ? errhint("Put it above: SELECT castssl_hba_move(line_number => %d, "
						   "before_line => %d);",
						   policy->rules[rule].line_number, policy->rules[first].line_number)
				 : errhint("Put it above, with castssl_hba_move().")));
}

/* ---- the edits ---- */

/* The number of the line as the call has it; the first line of the record if it has none. */
static int
number_of(const CastsslHbaDocument *document, int record, const CastsslMeant *meant)
{
	if (meant->number || record == document->nrecords)
		return meant->number;
	return document->records[record].line_number;
}

static CastsslHbaPolicy *
insert(CastsslHbaEdits *edits, const CastsslHbaPolicy *policy, int file, int record,
	   int line_number, const char *text)
{
	castssl_hba_edit_add(edits, CASTSSL_HBA_INSERT, file, record, line_number, text, "added");
	return castssl_hba_plan_render(policy, edits);
}

void
castssl_line_add(const CastsslLine *line, const CastsslHbaPolicy *policy, CastsslHbaEdits *edits)
{
	int file = castssl_meant_file(policy, line->file_name);
	const CastsslHbaDocument *document = policy->files[file];
	int record = castssl_meant_record(document, &line->before);
	const CastsslHbaPolicy *after;
	int rule;
	int standing;
	int first;

	after =
		insert(edits, policy, file, record, number_of(document, record, &line->before), line->rule);
	rule = rule_of_record(after, file, record);
	if (rule < 0 || after->rules[rule].error)
		return; /* no rule, or one that staging refuses with the server's words */
	standing = find_standing(policy, &after->rules[rule]);
	if (standing >= 0)
	{
		edits->count = 0;
		ereport(NOTICE, (errmsg("the rule is already in line %d of \"%s\"",
								policy->rules[standing].line_number, path_of(policy, standing)),
						 errdetail("Nothing is staged for it.")));
		return;
	}
	if (line->before.number || line->before.holds)
		warn_if_blocked(after, file, record);
	else if (is_blocked(after, rule, &first))
	{
		const CastsslHbaRule *above = &after->rules[first];

		if (line->file_name && above->file != file)
		{
			warn_if_blocked(after, file, record);
			return;
		}
		edits->count = 0;
		castssl_hba_edit_add(edits, CASTSSL_HBA_INSERT, above->file, above->record,
							 above->line_number, line->rule, "added");
		ereport(NOTICE, (errmsg("the rule is put above line %d of \"%s\"", above->line_number,
								path_of(after, first)),
						 errdetail("That line would answer first, and no connection would reach "
								   "the rule at the end.")));
	}
}

/* Does the line hold the new rule already, and not the old one? */
static bool
is_changed_already(const CastsslLine *line, const CastsslHbaDocument *document)
{
	CastsslMeant changed = { .holds = line->rule };

	if (line->line.holds == NULL)
		return false;
	if (line->line.number)
		return castssl_meant_holds(document, line->line.number, line->rule) &&
			   !castssl_meant_holds(document, line->line.number, line->line.holds);
	return castssl_meant_look(document, &line->line) < 0 &&
		   castssl_meant_look(document, &changed) >= 0;
}

void
castssl_line_change(const CastsslLine *line, const CastsslHbaPolicy *policy, CastsslHbaEdits *edits)
{
	int file = castssl_meant_file(policy, line->file_name);
	const CastsslHbaDocument *document = policy->files[file];
	int record;

	if (is_changed_already(line, document))
	{
		ereport(NOTICE, (line->line.number
							 ? errmsg("line %d of \"%s\" is this rule already", line->line.number,
									  document->path)
							 : errmsg("a line of \"%s\" is this rule already", document->path),
						 errdetail("Nothing is staged for it.")));
		return;
	}
	record = castssl_meant_record(document, &line->line);
	castssl_hba_edit_add(edits, CASTSSL_HBA_REPLACE, file, record,
						 number_of(document, record, &line->line),
						 castssl_hba_keep_breaks(document, record, line->rule), "changed");
}

/* The lines that castssl commented out and that go where the line of this record goes. */
static int *
disabled_with(const CastsslHbaPolicy *policy, int file, int record, int *count)
{
	bool shared;
	int *disabled = castssl_hba_disabled_below(policy, file, record, count, &shared);

	if (shared)
		*count = 0;
	return disabled;
}

static void
move(CastsslHbaEdits *edits, const CastsslHbaDocument *document, int file, int from, int to)
{
	const CastsslHbaRecord *record = &document->records[from];
	const char *text = pnstrdup(document->data + record->offset,
								record->length - castssl_hba_record_line_end(document, from));
	int before = to < document->nrecords ? document->records[to].line_number : 0;

	castssl_hba_edit_add(edits, CASTSSL_HBA_REMOVE, file, from, record->line_number, NULL, "moved");
	castssl_hba_edit_add(edits, CASTSSL_HBA_INSERT, file, to, before, text, "added");
}

void
castssl_line_move(const CastsslLine *line, const CastsslHbaPolicy *policy, CastsslHbaEdits *edits)
{
	int file = castssl_meant_file(policy, line->file_name);
	const CastsslHbaDocument *document = policy->files[file];
	int from = castssl_meant_record(document, &line->line);
	int to = castssl_meant_record(document, &line->before);
	int count;
	int *disabled = disabled_with(policy, file, from, &count);
	int last = count > 0 ? disabled[count - 1] : from;
	const CastsslHbaPolicy *after;

	if (to >= from && to <= last + 1)
	{
		ereport(NOTICE, (errmsg("line %d of \"%s\" is already there",
								number_of(document, from, &line->line), document->path),
						 errdetail("Nothing is staged for it.")));
		return;
	}
	move(edits, document, file, from, to);
	for (int i = 0; i < count; i++)
		move(edits, document, file, disabled[i], to);
	after = castssl_hba_plan_render(policy, edits);
	warn_if_blocked(after, file, to < from ? to : to - 1 - count);
}

/* The rule of this record stands below a twin that we wrote. */
static bool
has_our_twin(const CastsslHbaPolicy *policy, int file, int record)
{
	int rule = rule_of_record(policy, file, record);
	const CastsslHbaRule *twin = rule < 0 ? NULL : castssl_hba_twin(policy, &policy->rules[rule]);

	return twin &&
		   castssl_hba_record_mark(policy->files[file], twin->record) == CASTSSL_HBA_MARK_WRITTEN;
}

/*
 * Comment out the original of a twin: so castssl_disable(), which removes the twin, puts it in
 * force again.
 */
static void
disable(CastsslHbaEdits *edits, const CastsslHbaDocument *document, int file, int record)
{
	int line_number = document->records[record].line_number;

	castssl_hba_edit_add(edits, CASTSSL_HBA_DISABLE, file, record, line_number, NULL,
						 "commented out");
	ereport(NOTICE,
			(errmsg("line %d of \"%s\" is commented out", line_number, document->path),
			 errdetail("castssl wrote the line above it from this one.  castssl_disable() removes "
					   "that line and puts this one in force again.")));
}

void
castssl_line_remove(const CastsslLine *line, const CastsslHbaPolicy *policy, CastsslHbaEdits *edits)
{
	int file = castssl_meant_file(policy, line->file_name);
	const CastsslHbaDocument *document = policy->files[file];
	int record = castssl_meant_look(document, &line->line);
	int line_number;
	int count;
	int *disabled;

	if (record < 0)
	{
		ereport(NOTICE, (errmsg("no line of \"%s\" holds this rule", document->path),
						 errdetail("Nothing is staged for it.")));
		return;
	}
	line_number = number_of(document, record, &line->line);
	if (has_our_twin(policy, file, record))
	{
		disable(edits, document, file, record);
		return;
	}
	castssl_hba_edit_add(edits, CASTSSL_HBA_REMOVE, file, record, line_number, NULL, "removed");
	disabled = disabled_with(policy, file, record, &count);
	for (int i = 0; i < count; i++)
	{
		int below = document->records[disabled[i]].line_number;

		castssl_hba_edit_add(edits, CASTSSL_HBA_REMOVE, file, disabled[i], below, NULL,
							 "removed with the line that castssl wrote from it");
		ereport(NOTICE,
				(errmsg("line %d of \"%s\" is removed, too", below, document->path),
				 errdetail("castssl commented it out, and wrote line %d from it.", line_number)));
	}
}
