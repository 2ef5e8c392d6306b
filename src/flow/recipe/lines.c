/*
 * lines.c
 *		Edits of single lines of pg_hba.conf: add, change, move, remove.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "flow/plan/hba_plan.h"
#include "flow/recipe/lines.h"
#include "hba/access/unreachable.h"
#include "hba/match/match.h"
#include "hba/text/lex.h"
#include "server/process/caller.h"
#include "server/process/raise.h"
#include "server/world.h"

/* ---- finding lines ---- */

/* Index of the file that a call names; the main file if it names none. */
static int
find_file(const CastsslLine *line, const CastsslHbaPolicy *policy)
{
	struct stat st;
	bool missing;

	if (line->file_name == NULL)
		return 0;
	for (int i = 0; i < policy->nfiles; i++)
	{
		if (strcmp(policy->files[i]->path, line->file_name) == 0)
			return i;
	}
	/* others may not learn which files there are */
	missing = castssl_caller_is_superuser() && stat(line->file_name, &st) != 0 && errno == ENOENT;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("\"%s\" is not a file of pg_hba.conf", line->file_name),
			 missing ? errdetail("It does not exist.")
					 : errdetail("Neither hba_file nor an include names it."),
			 missing ? errhint("Where an include is to find it, make it on the server first, "
							   "empty.  castssl_hba_rules() shows the file of each rule.")
					 : errhint("castssl_hba_rules() shows the file of each rule.")));
	return -1;
}

/* The number of physical lines of a file. */
static int
count_lines(const CastsslHbaDocument *document)
{
	int count = 0;

	for (size_t i = 0; i < document->length; i++)
		count += (document->data[i] == '\n' || i + 1 == document->length);
	return count;
}

/* Index of the record that contains the line; nrecords for line 0.  22023 if there is no such line.
 */
static int
find_record(const CastsslHbaDocument *document, int line_number)
{
	int record = -1;

	if (line_number == 0)
		return document->nrecords;
	for (int i = 0; i < document->nrecords && document->records[i].line_number <= line_number; i++)
		record = i;
	if (line_number < 1 || record < 0 || line_number > count_lines(document))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("\"%s\" has no line %d", document->path, line_number),
						errdetail("It has %d lines.", count_lines(document)),
						errhint("castssl_hba_rules(staged => true) shows the line of each rule.")));
	return record;
}

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
 * Is the rule blocked where it stands?  TLS counts as on, for a rule that waits for TLS
 * is not blocked by a line.
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

/* A rule that says the same and is reached; -1 if there is none. */
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
	int file = find_file(line, policy);
	int record = find_record(policy->files[file], line->before_line);
	const CastsslHbaPolicy *after =
		insert(edits, policy, file, record, line->before_line, line->rule);
	int rule = rule_of_record(after, file, record);
	int standing;
	int first;

	if (rule < 0 || after->rules[rule].error)
		return; /* no rule, or one that staging refuses with the server's words */
	standing = find_standing(policy, &after->rules[rule]);
	if (standing >= 0)
	{
		edits->count = 0;
		ereport(NOTICE, (errmsg("the rule stands already in line %d of \"%s\"",
								policy->rules[standing].line_number, path_of(policy, standing)),
						 errdetail("Nothing is staged for it.")));
		return;
	}
	if (line->before_line != 0)
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

void
castssl_line_change(const CastsslLine *line, const CastsslHbaPolicy *policy, CastsslHbaEdits *edits)
{
	int file = find_file(line, policy);

	castssl_hba_edit_add(edits, CASTSSL_HBA_REPLACE, file,
						 find_record(policy->files[file], line->line_number), line->line_number,
						 line->rule, "changed");
}

void
castssl_line_move(const CastsslLine *line, const CastsslHbaPolicy *policy, CastsslHbaEdits *edits)
{
	int file = find_file(line, policy);
	const CastsslHbaDocument *document = policy->files[file];
	int from = find_record(document, line->line_number);
	int to = find_record(document, line->before_line);
	const CastsslHbaRecord *record = &document->records[from];
	const char *text = pnstrdup(document->data + record->offset,
								record->length - castssl_hba_record_line_end(document, from));

	if (to == from || to == from + 1)
	{
		ereport(NOTICE, (errmsg("line %d of \"%s\" stands there already", line->line_number,
								document->path),
						 errdetail("Nothing is staged for it.")));
		return;
	}
	castssl_hba_edit_add(edits, CASTSSL_HBA_REMOVE, file, from, line->line_number, NULL, "moved");
	warn_if_blocked(insert(edits, policy, file, to, line->before_line, text), file,
					to < from ? to : to - 1);
}

/* ---- removal ---- */

/* Do both have the same tokens?  Without any (a comment): the same text. */
static bool
same_line(const CastsslHbaDocument *document, int record, const char *wanted)
{
	StringInfoData joined;
	CastsslHbaLine a = { 0 };
	CastsslHbaLine b = { 0 };
	size_t length;
	const char *text;
	bool same;

	initStringInfo(&joined);
	text = castssl_hba_record_text(document, record, &joined, &length);
	castssl_hba_lex(&a, text, length, document->version);
	castssl_hba_lex(&b, wanted, strlen(wanted), document->version);
	same = a.nlexemes == b.nlexemes;
	for (int i = 0; i < a.nlexemes && same; i++)
		same = strcmp(a.lexemes[i].string, b.lexemes[i].string) == 0 &&
			   a.lexemes[i].quoted == b.lexemes[i].quoted &&
			   a.lexemes[i].comma == b.lexemes[i].comma;
	if (a.nlexemes == 0)
		same = same && strlen(wanted) == length && memcmp(text, wanted, length) == 0;
	castssl_hba_line_free(&a);
	castssl_hba_line_free(&b);
	pfree(joined.data);
	return same;
}

/*
 * 55000 if the rule stands in another line of the file; false, with a NOTICE, if it
 * stands in none.
 */
static bool
check_rule(const CastsslHbaDocument *document, const CastsslLine *line)
{
	int found = -1;

	for (int i = 0; i < document->nrecords; i++)
	{
		const CastsslHbaRecord *record = &document->records[i];

		if (!same_line(document, i, line->rule))
			continue;
		if (i + 1 < document->nrecords ? line->line_number >= record->line_number &&
											 line->line_number < record[1].line_number
									   : line->line_number >= record->line_number)
			return true;
		found = record->line_number;
	}
	if (found < 0)
	{
		ereport(NOTICE, (errmsg("no line of \"%s\" holds this rule", document->path),
						 errdetail("Nothing is staged for it.")));
		return false;
	}
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("line %d of \"%s\" is not the rule to remove", line->line_number,
						   document->path),
					errdetail("The rule stands in line %d.", found),
					errhint("Look at the line, and name that one: line_number => %d.", found),
					castssl_err_reason("castssl_stale")));
	return false;
}

void
castssl_line_remove(const CastsslLine *line, const CastsslHbaPolicy *policy, CastsslHbaEdits *edits)
{
	int file = find_file(line, policy);
	const CastsslHbaDocument *document = policy->files[file];

	if (line->rule && !check_rule(document, line))
		return;
	castssl_hba_edit_add(edits, CASTSSL_HBA_REMOVE, file, find_record(document, line->line_number),
						 line->line_number, NULL, "removed");
}
