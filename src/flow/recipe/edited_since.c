/*
 * edited_since.c
 *		What somebody else has done since a change, and rolling back would lose.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "nodes/value.h"
#include "utils/builtins.h"

#include "base/words.h"
#include "change/edited.h"
#include "change/journal.h"
#include "change/recover.h"
#include "change/rollback.h"
#include "flow/recipe/edited_since.h"
#include "flow/recipe/staging.h"
#include "server/parameters.h"
#include "server/process/raise.h"

static const char *
path_of(const void *file)
{
	return ((const CastsslChangedFile *) file)->path;
}

static const char *
name_of(const void *parameter)
{
	return ((const CastsslChangedParameter *) parameter)->name;
}

/* The items whose names are not among *seen yet; their names join *seen. */
static List *
take_unseen(const List *items, const char *(*name)(const void *item), List **seen)
{
	List *unseen = NIL;
	const ListCell *cell;

	foreach (cell, items)
	{
		Node *value = (Node *) makeString(unconstify(char *, name(lfirst(cell))));

		if (list_member(*seen, value))
			continue;
		*seen = lappend(*seen, value);
		unseen = lappend(unseen, lfirst(cell));
	}
	return unseen;
}

/* The HINT: keep the newest change, which waits, or the statements that lead to a rollback. */
static int
hint_to_go_on(const List *changes, const char *what, const char *statements)
{
	const CastsslChange *newest = linitial(changes);
	const CastsslChange *oldest = llast(changes);

	if (newest->state == CASTSSL_UNCONFIRMED)
		return errhint("Rolling back would lose %s.  %sTo keep the change: SELECT "
					   "castssl_confirm(" INT64_FORMAT "); from a new connection.",
					   what, statements, newest->id);
	return errhint("Rolling back would lose %s.  %sThen: SELECT * FROM "
				   "castssl_rollback(" INT64_FORMAT ");",
				   what, statements, oldest->id);
}

/* How to undo the edit of the change's n-th file. */
static char *
way_back(const CastsslChange *change, int n)
{
	const CastsslChangedFile *file = list_nth(change->files, n);
	char *after = castssl_journal_after_path(change->id, n);
	char *literal = castssl_sql_literal(after);
	char *from = castssl_shell_word(after);
	char *to = castssl_shell_word(file->path);

	if (castssl_edited_lines(change, n) == NULL || literal == NULL || from == NULL || to == NULL)
		return psprintf("Put %s back as change " INT64_FORMAT " wrote it.  ", file->path,
						change->id);
	if (strcmp(file->path, HbaFileName) == 0)
	{
		const char *first = castssl_staging_waits_for();

		if (first)
			return psprintf("%s  ", first);
		return psprintf("To undo them: SELECT castssl_hba_stage(pg_read_file(%s)); SELECT * FROM "
						"castssl_hba_apply();  ",
						literal);
	}
	return psprintf("To undo them, as the server's account: cp %s %s  And: SELECT reloaded, "
					"problem FROM castssl_reload();  ",
					from, to);
}

char *
castssl_change_ways_back(const CastsslChange *change, const List *files)
{
	const CastsslChange *open = castssl_journal_open_change();
	StringInfoData back;

	if (open && open->state == CASTSSL_UNCONFIRMED)
		return psprintf("To undo it all the same, in a minute: SELECT "
						"castssl_postpone(confirm_within => '1 min');  Edits of pg_hba.conf stay "
						"then, and other edited files are kept in \"%s\".  ",
						castssl_journal_path(open->id, NULL));
	initStringInfo(&back);
	for (int n = 0; n < list_length(change->files); n++)
	{
		CastsslChange one = *change;

		one.files = list_make1(list_nth(change->files, n));
		if (list_member_ptr(files, linitial(one.files)) &&
			castssl_change_edited_since(&one) != NULL)
			appendStringInfoString(&back, way_back(change, n));
	}
	return back.data;
}

static void
raise_edited(const List *changes, const CastsslChange *change, const List *files)
{
	StringInfoData edited;
	StringInfoData lines;

	initStringInfo(&edited);
	initStringInfo(&lines);
	for (int n = 0; n < list_length(change->files); n++)
	{
		CastsslChange one = *change;
		const char *differ;

		one.files = list_make1(list_nth(change->files, n));
		if (!list_member_ptr(files, linitial(one.files)) ||
			castssl_change_edited_since(&one) == NULL)
			continue;
		castssl_append_listed(&edited, path_of(linitial(one.files)));
		differ = castssl_edited_lines(change, n);
		appendStringInfoString(&lines, differ ? differ : "");
	}
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("files were edited since change " INT64_FORMAT, change->id),
					errdetail("Edited: %s.%s", edited.data, lines.data),
					hint_to_go_on(changes, "those edits", castssl_change_ways_back(change, files)),
					castssl_err_reason("castssl_edited_since")));
}

/* In a copy of the data directory. */
static void
raise_left_alone(const List *changes, const CastsslChange *change, const char *reason)
{
	const CastsslChange *newest = linitial(changes);

	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change " INT64_FORMAT " cannot be taken back here", change->id),
			 errdetail("It was made before this data directory was copied here, maybe by another "
					   "server: %s.",
					   reason),
			 newest->state == CASTSSL_UNCONFIRMED
				 ? errhint("%s", castssl_change_hint_to_end(newest))
				 : errhint("Change what this server has instead: SELECT * FROM castssl_status(); "
						   "and SELECT * FROM castssl_hba_rules(); show it."),
			 castssl_err_reason("castssl_edited_since")));
}

static void
check_files(const List *changes)
{
	List *seen = NIL;
	const ListCell *cell;

	foreach (cell, changes)
	{
		const CastsslChange *change = lfirst(cell);
		CastsslChange part = *change;
		char *reason;

		part.files = take_unseen(part.files, path_of, &seen);
		if (castssl_change_edited_since(&part) == NULL)
			continue;
		reason = castssl_change_why_left_alone(change);
		if (reason)
			raise_left_alone(changes, change, reason);
		raise_edited(changes, change, part.files);
	}
}

/* "ALTER SYSTEM SET ssl_ca_file = 'root.crt';  ": the statements that set back what differs. */
static char *
statements_to_set_back(const CastsslChange *change)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, change->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);

		if (castssl_same_text(parameter->before, parameter->after) ||
			castssl_parameter_is_stored(parameter->name, parameter->after))
			continue;
		appendStringInfoString(&text, text.len ? " " : "To set them back: ");
		appendStringInfoString(&text,
							   castssl_parameter_statement(parameter->name, parameter->after));
	}
	appendStringInfoString(&text, "  ");
	return text.data;
}

static void
check_parameters(const List *changes)
{
	List *seen = NIL;
	const ListCell *cell;

	foreach (cell, changes)
	{
		CastsslChange part = *(CastsslChange *) lfirst(cell);
		char *set;

		part.parameters = take_unseen(part.parameters, name_of, &seen);
		set = castssl_change_parameters_set_since(&part);
		if (set)
			ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
							errmsg("parameters were set since change " INT64_FORMAT, part.id),
							errdetail("Set by ALTER SYSTEM: %s.", set),
							hint_to_go_on(changes, "these values", statements_to_set_back(&part)),
							castssl_err_reason("castssl_edited_since")));
	}
}

void
castssl_edited_since_check(const List *changes)
{
	check_files(changes);
	check_parameters(changes);
}
