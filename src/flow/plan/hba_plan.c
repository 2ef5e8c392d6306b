/*
 * hba_plan.c
 *		Edits of pg_hba.conf as part of a plan: the only way to edit it.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/words.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/steps.h"
#include "hba/edit/require.h"
#include "hba/match/match.h"
#include "hba/text/diff.h"
#include "hba/text/mask.h"
#include "server/disk/closed.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/hba_files.h"
#include "server/process/raise.h"
#include "server/world.h"

/* Edits of whole files may be long.  Only this number of lines of each file become steps. */
#define MOST_LINES_SHOWN 50

void
castssl_hba_plan_read(CastsslPlan *plan)
{
	plan->hba_before = castssl_hba_files_read(NULL, 0);
	plan->hba_after = plan->hba_before;
}

void
castssl_hba_plan_read_to_edit(CastsslPlan *plan)
{
	castssl_hba_plan_read(plan);
	(void) castssl_hba_plan_live(plan->hba_before, plan->hba_before->files[0]->path);
}

CastsslHbaPolicy *
castssl_hba_plan_render(const CastsslHbaPolicy *policy, const CastsslHbaEdits *edits)
{
	CastsslHbaOverlay *overlay = palloc(policy->nfiles * sizeof(CastsslHbaOverlay));

	for (int i = 0; i < policy->nfiles; i++)
	{
		overlay[i].path = policy->files[i]->path;
		overlay[i].data = castssl_hba_render(policy, i, edits, &overlay[i].length);
	}
	return castssl_hba_files_read(overlay, policy->nfiles);
}

const CastsslHbaPolicy *
castssl_hba_plan_as_meant(const CastsslHbaPolicy *policy)
{
	CastsslHbaEdits edits = { 0 };

	if (policy->nerrors > 0)
		castssl_hba_repairs(policy, &edits);
	return edits.count > 0 ? castssl_hba_plan_render(policy, &edits) : policy;
}

const char *
castssl_hba_plan_file(const CastsslHbaPolicy *policy, int file)
{
	const char *path = policy->files[file]->path;

	return file == 0 ? castssl_path_base(path) : path;
}

char *
castssl_hba_plan_place(const CastsslHbaPolicy *policy, int file, int line_number)
{
	return psprintf("%s:%d", castssl_hba_plan_file(policy, file), line_number);
}

/* Fold blanks outside of quotes into single ones, with none at the end.  Changes text. */
static char *
fold_blanks(char *text)
{
	bool quoted = false;
	char *to = text;

	for (const char *from = text; *from; from++)
	{
		bool blank = strchr(" \t\r\n", *from) != NULL;

		quoted ^= *from == '"';
		if (!blank || quoted)
			*to++ = *from;
		else if (to > text && to[-1] != ' ')
			*to++ = ' ';
	}
	while (to > text && to[-1] == ' ')
		to--;
	*to = '\0';
	return text;
}

/* A line for people: without secrets, and without our mark, which each written line has. */
static char *
shown_line(const char *line)
{
	char *text = castssl_hba_mask(line, strlen(line));
	size_t length = strlen(text);
	size_t mark = strlen(CASTSSL_HBA_WRITTEN);

	if (length > mark && strcmp(text + length - mark, CASTSSL_HBA_WRITTEN) == 0)
		text[length - mark] = '\0';
	return fold_blanks(text);
}

/* The last edit of the same record as edit i. The edits of a record are consecutive. */
static const CastsslHbaEdit *
last_of_record(const CastsslHbaEdits *edits, int i)
{
	while (i + 1 < edits->count && edits->items[i + 1].file == edits->items[i].file &&
		   edits->items[i + 1].record == edits->items[i].record)
		i++;
	return &edits->items[i];
}

void
castssl_hba_plan_edit(CastsslPlan *plan, const CastsslHbaEdits *edits)
{
	CastsslHbaPolicy *policy = plan->hba_after;

	if (edits->count == 0)
		return;
	for (int i = 0; i < edits->count; i++)
	{
		const CastsslHbaEdit *edit = &edits->items[i];
		const CastsslHbaEdit *last = last_of_record(edits, i);
		bool replaced = edit->kind == CASTSSL_HBA_INSERT && last->kind == CASTSSL_HBA_DISABLE;
		const char *why = replaced ? "now" : edit->why;

		castssl_plan_step(plan, "edit pg_hba",
						  castssl_hba_plan_place(policy, edit->file, edit->line_number),
						  CASTSSL_STEP_CHANGES,
						  edit->text ? psprintf("%s: %s", why, shown_line(edit->text)) : why);
		/* show only the line that takes its place */
		if (replaced && last == &edits->items[i + 1])
			i++;
	}
	plan->hba_after = castssl_hba_plan_render(policy, edits);
}

void
castssl_hba_plan_require(CastsslPlan *plan, const CastsslHbaWanted *wanted)
{
	CastsslHbaWanted derived = *wanted;
	CastsslHbaEdits edits = { 0 };
	CastsslFindings findings = { 0 };

	if (wanted->naddresses > 0)
	{
		/* raised before the derived rules move the lines that a hint names */
		castssl_hba_require(plan->hba_after, wanted, &edits, &findings);
		castssl_raise_first_error(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
		memset(&edits, 0, sizeof(edits));
		memset(&findings, 0, sizeof(findings));
	}
	derived.addresses = NULL;
	derived.naddresses = 0;
	castssl_hba_require(plan->hba_after, &derived, &edits, &findings);
	castssl_hba_plan_edit(plan, &edits);
	plan->hba_derived = plan->hba_after;

	if (wanted->naddresses > 0)
	{
		memset(&edits, 0, sizeof(edits));
		memset(&findings, 0, sizeof(findings));
		castssl_hba_require(plan->hba_after, wanted, &edits, &findings);
		castssl_hba_plan_edit(plan, &edits);
	}

	castssl_raise_first_error(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
	for (int i = 0; i < findings.count; i++)
	{
		const CastsslFinding *finding = &findings.items[i];

		if (finding->severity == CASTSSL_WARNING)
			castssl_plan_warn(plan, "edit pg_hba", finding->subject, CASTSSL_CODE_address_host_bits,
							  finding->message);
	}
}

/* Plan the new bytes of one live file.  Its mode and owner stay. */
static void
plan_document(CastsslPlan *plan, const CastsslHbaDocument *after)
{
	CastsslPlannedFile *file = palloc0(sizeof(CastsslPlannedFile));
	struct stat *owner = palloc(sizeof(struct stat));
	size_t length;

	/* raises an error if it must not be rewritten */
	(void) castssl_hba_plan_live(plan->hba_before, after->path);
	/* Edit the target of a symbolic link; the link stays. */
	file->path = castssl_path_resolve_target(after->path, false);
	pfree(castssl_file_read(file->path, CASTSSL_HBA_LIMIT, &length, owner));
	file->data = after->data;
	file->length = after->length;
	file->mode = owner->st_mode & 07777;
	file->owner = owner;
	plan->files = lappend(plan->files, file);
	plan->hba_changes = true;
}

/*
 * Text has no control characters except white space and line ends.  So an encrypted file
 * or an image is not text, even if it happens to have no NUL byte.
 */
static bool
is_text(const CastsslHbaDocument *document)
{
	const unsigned char *data = (const unsigned char *) document->data;
	bool control = false;

	/* no branch in the loop: it almost always runs to the end */
	for (size_t i = 0; i < document->length; i++)
		control |= (data[i] < ' ') & ((unsigned char) (data[i] - '\t') > '\r' - '\t');
	return !control;
}

/*
 * Refuse to edit a file that the rules are read from by another name, too: what is planned for one
 * name would be written, and judged, without the other one.
 */
static void
refuse_second_name(const CastsslHbaPolicy *live, const CastsslHbaDocument *document)
{
	const char *real = castssl_path_resolve(document->path, false);

	for (int i = 0; i < live->nfiles; i++)
	{
		const char *other = live->files[i]->path;

		if (live->files[i] != document && strcmp(castssl_path_resolve(other, false), real) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("\"%s\" and \"%s\" are one file", document->path, other),
					 errdetail("pg_hba.conf includes it by both names, so no edit of one of them "
							   "can be judged by itself."),
					 errhint("Include it by one name alone, as often as needed: correct the "
							 "include line, or remove the link, that has the other name.")));
	}
}

const CastsslHbaDocument *
castssl_hba_plan_live(const CastsslHbaPolicy *live, const char *path)
{
	const CastsslHbaDocument *document = castssl_hba_policy_file(live, path);

	if (document == live->files[0] && live->nrules > 0 && live->rules[0].record < 0)
	{
		castssl_closed_refuse(path, NULL);
		ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("%s", live->rules[0].error),
						errdetail("It is the file that hba_file names.")));
	}
	if (document == NULL)
	{
		size_t length;
		char *data =
			castssl_file_read(castssl_path_resolve(path, false), CASTSSL_HBA_LIMIT, &length, NULL);

		document = castssl_hba_document_read(path, data, length, live->version);
	}
	if (!is_text(document))
		ereport(
			ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("\"%s\" is not a text file", path),
			 errdetail(
				 "It holds NUL or control characters, and pg_castssl never rewrites such a file."),
			 errhint("Look at the file: is it what hba_file should name?")));
	refuse_second_name(live, document);
	return document;
}

const CastsslHbaDocument *
castssl_hba_plan_differs(const CastsslHbaPolicy *live, const CastsslHbaDocument *after)
{
	const CastsslHbaDocument *before = castssl_hba_policy_file(live, after->path);

	if (before == NULL)
		before = castssl_hba_plan_live(live, after->path);
	if (before->length == after->length && memcmp(before->data, after->data, before->length) == 0)
		return NULL;
	return before;
}

static bool
has_code(const CastsslPlan *plan, CastsslCode code)
{
	ListCell *cell;

	foreach (cell, plan->steps)
	{
		if (((CastsslStep *) lfirst(cell))->code == code)
			return true;
	}
	return false;
}

void
castssl_hba_plan_finish(CastsslPlan *plan)
{
	for (int i = 0; i < plan->hba_after->nfiles; i++)
	{
		if (castssl_hba_plan_differs(plan->hba_before, plan->hba_after->files[i]))
			plan_document(plan, plan->hba_after->files[i]);
	}
	if (!plan->hba_changes)
		castssl_plan_step(plan, "edit pg_hba", castssl_hba_plan_file(plan->hba_before, 0),
						  CASTSSL_STEP_UNCHANGED,
						  has_code(plan, CASTSSL_CODE_asks_for_more) ? "stays as it is"
																	 : "no rule has to change");
}

/* The state of castssl_hba_plan_show while it reads the lines. */
typedef struct Showing
{
	CastsslPlan *plan;
	int file;
	int count;
} Showing;

static void
show_line(void *arg, bool added, int line_number, const char *text)
{
	Showing *showing = arg;

	if (++showing->count <= MOST_LINES_SHOWN)
		castssl_plan_step(
			showing->plan, "edit pg_hba",
			castssl_hba_plan_place(showing->plan->hba_after, showing->file, line_number),
			CASTSSL_STEP_CHANGES,
			psprintf("%s: %s", added ? "added" : "removed", fold_blanks(pstrdup(text))));
}

void
castssl_hba_plan_show(CastsslPlan *plan)
{
	for (int i = 0; i < plan->hba_after->nfiles; i++)
	{
		const CastsslHbaDocument *after = plan->hba_after->files[i];
		const CastsslHbaDocument *before = castssl_hba_plan_differs(plan->hba_before, after);
		Showing showing = { .plan = plan, .file = i };

		if (before == NULL)
			continue;
		castssl_diff_lines(before, after, show_line, &showing);
		if (showing.count > MOST_LINES_SHOWN)
			castssl_plan_step(plan, "edit pg_hba", after->path, CASTSSL_STEP_CHANGES,
							  psprintf("and %s; SELECT castssl_hba_diff() shows all",
									   castssl_counted(showing.count - MOST_LINES_SHOWN,
													   "more line", "more lines")));
	}
}

static bool
is_repeated(const CastsslHbaDifference *one, const CastsslHbaDifference *other)
{
	return one->change == other->change && one->certain == other->certain &&
		   one->before_rule == other->before_rule && one->after_rule == other->after_rule &&
		   castssl_same_text(one->encryption, other->encryption) &&
		   castssl_same_text(one->database, other->database) &&
		   castssl_same_text(one->user, other->user) &&
		   castssl_same_text(one->address, other->address) &&
		   castssl_same_text(one->before, other->before) &&
		   castssl_same_text(one->after, other->after);
}

void
castssl_hba_plan_tidy(CastsslHbaDifferences *differences)
{
	bool gss = castssl_hba_gss_possible();
	int kept = 0;

	for (int i = 0; i < differences->count; i++)
	{
		const CastsslHbaDifference *difference = &differences->items[i];

		if ((!gss && strcmp(difference->encryption, "gss") == 0) ||
			/* equal ones are consecutive */
			(kept > 0 && is_repeated(&differences->items[kept - 1], difference)))
			continue;
		differences->items[kept++] = *difference;
	}
	differences->count = kept;
}

bool
castssl_hba_plan_is_file(const CastsslPlan *plan, const char *path)
{
	for (int i = 0; i < plan->hba_before->nfiles; i++)
	{
		if (strcmp(castssl_path_resolve(plan->hba_before->files[i]->path, false), path) == 0)
			return true;
	}
	return false;
}

void
castssl_hba_plan_from_files(CastsslPlan *plan)
{
	CastsslHbaPolicy *before = plan->hba_before;
	CastsslHbaOverlay *overlay = palloc(before->nfiles * sizeof(CastsslHbaOverlay));
	int count = 0;

	for (int i = 0; i < before->nfiles; i++)
	{
		const CastsslPlannedFile *file =
			castssl_plan_written(plan, castssl_path_resolve(before->files[i]->path, false));

		if (file)
			overlay[count++] = (CastsslHbaOverlay){ .path = before->files[i]->path,
													.data = file->data,
													.length = file->length };
	}
	if (count > 0)
	{
		plan->hba_after = castssl_hba_files_read(overlay, count);
		plan->hba_changes = true;
	}
}

/* The next rule for TCP, or for TLS, from *at on, which is moved past it; NULL: no more. */
static const CastsslHbaRule *
next_tcp_rule(const CastsslHbaPolicy *policy, bool over_tls, int *at)
{
	while (*at < policy->nrules)
	{
		const CastsslHbaRule *rule = &policy->rules[(*at)++];

		if (rule->error || (over_tls ? castssl_hba_type_takes(rule->type, 4, CASTSSL_TLS)
									 : rule->type != CASTSSL_HBA_LOCAL))
			return rule;
	}
	return NULL;
}

bool
castssl_hba_plan_touches_tcp(const CastsslPlan *plan, bool over_tls)
{
	int before = 0;
	int after = 0;
	const CastsslHbaRule *old;
	const CastsslHbaRule *new;

	if (!plan->hba_changes)
		return false;
	do
	{
		old = next_tcp_rule(plan->hba_before, over_tls, &before);
		new = next_tcp_rule(plan->hba_after, over_tls, &after);
		if ((old == NULL) != (new == NULL) || (old && !castssl_hba_same_rule(old, new)))
			return true;
	} while (old != NULL);
	return false;
}

char *
castssl_hba_plan_asking(const CastsslHbaPolicy *policy)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];

		if (rule->error == NULL && rule->clientcert != CASTSSL_CLIENTCERT_NONE)
			return psprintf("%s:%d", policy->files[rule->file]->path, rule->line_number);
	}
	return NULL;
}
