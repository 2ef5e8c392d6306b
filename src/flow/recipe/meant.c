/*
 * meant.c
 *		Which line of pg_hba.conf a call means: by its number, by what it holds, or by both.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "lib/stringinfo.h"

#include "base/words.h"
#include "flow/recipe/meant.h"
#include "flow/recipe/staging.h"
#include "hba/edit/keep.h"
#include "server/process/caller.h"
#include "server/process/raise.h"

int
castssl_meant_file(const CastsslHbaPolicy *policy, const char *file_name)
{
	struct stat st;
	bool missing;

	if (file_name == NULL)
		return 0;
	for (int i = 0; i < policy->nfiles; i++)
	{
		if (strcmp(policy->files[i]->path, file_name) == 0)
			return i;
	}
	/* others must not learn which files exist */
	missing = castssl_caller_is_superuser() && stat(file_name, &st) != 0 && errno == ENOENT;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("\"%s\" is not a file of pg_hba.conf", file_name),
					missing ? errdetail("It does not exist.")
							: errdetail("Neither hba_file nor an include names it."),
					missing ? errhint("If an include names it, first make an empty file on the "
									  "server.  castssl_hba_rules() shows the file of each rule.")
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

/* Index of the record that contains the line. */
static int
find_record(const CastsslHbaDocument *document, int line_number)
{
	int record = -1;

	for (int i = 0; i < document->nrecords && document->records[i].line_number <= line_number; i++)
		record = i;
	if (line_number < 1 || record < 0 || line_number > count_lines(document))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" has no line %d", document->path, line_number),
				 errdetail("It has %s.", castssl_counted(count_lines(document), "line", "lines")),
				 errhint("castssl_hba_rules(staged => true) shows the line of each rule.")));
	return record;
}

bool
castssl_meant_holds(const CastsslHbaDocument *document, int number, const char *text)
{
	return castssl_hba_same_line(document, find_record(document, number), text);
}

static void
raise_elsewhere(const CastsslHbaDocument *document, const CastsslMeant *meant, int found)
{
	int line_number = document->records[found].line_number;

	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 errmsg("line %d of \"%s\" is not the rule that is meant", meant->number, document->path),
		 errdetail("The rule is in line %d.", line_number),
		 errhint("Look at that line, and name it: %s => %d.", meant->argument, line_number),
		 castssl_err_reason("castssl_stale")));
}

static void
raise_several(const CastsslHbaDocument *document, const CastsslMeant *meant, int first)
{
	StringInfoData lines;

	initStringInfo(&lines);
	for (int i = first; i < document->nrecords; i++)
	{
		if (castssl_hba_same_line(document, i, meant->holds))
			castssl_append_listed(&lines, psprintf("%d", document->records[i].line_number));
	}
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("several lines of \"%s\" hold this rule", document->path),
					errdetail("These are lines %s.", lines.data),
					errhint("Name one of them: %s => %d.", meant->argument,
							document->records[first].line_number)));
}

int
castssl_meant_look(const CastsslHbaDocument *document, const CastsslMeant *meant)
{
	int record = meant->number ? find_record(document, meant->number) : document->nrecords;
	int found = -1;
	int count = 0;

	if (meant->holds == NULL ||
		(meant->number && castssl_hba_same_line(document, record, meant->holds)))
		return record;
	for (int i = document->nrecords - 1; i >= 0; i--)
	{
		if (!castssl_hba_same_line(document, i, meant->holds))
			continue;
		found = i;
		count++;
	}
	if (found >= 0 && meant->number)
		raise_elsewhere(document, meant, found);
	if (count > 1)
		raise_several(document, meant, found);
	return found;
}

/*
 * What this transaction staged is taken back with the error, and then it is not what stands in
 * the way.
 */
static void
raise_nowhere(const CastsslHbaDocument *document, const CastsslMeant *meant)
{
	CastsslStaged staged = castssl_staging_look();
	bool stays = staged.differs && !staged.by_transaction;

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 meant->number
				 ? errmsg("line %d of \"%s\" is not the rule that is meant", meant->number,
						  document->path)
				 : errmsg("no line of \"%s\" holds the rule that is meant", document->path),
			 errdetail(staged.differs ? "No line of the staged file holds that rule."
									  : "No line of the file holds that rule."),
			 stays ? errhint("Edits are staged: SELECT castssl_hba_diff(); shows them.  First "
							 "apply them or discard them.")
				   : errhint("castssl_hba_rules(staged => true) shows the line of each rule.  "
							 "Does the statement come from a hint?  Then look again: SELECT * "
							 "FROM castssl_check();"),
			 castssl_err_reason("castssl_stale")));
}

int
castssl_meant_record(const CastsslHbaDocument *document, const CastsslMeant *meant)
{
	int record = castssl_meant_look(document, meant);

	if (record < 0)
		raise_nowhere(document, meant);
	return record;
}
