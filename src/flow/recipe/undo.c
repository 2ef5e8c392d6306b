/*
 * undo.c
 *		Undoing a change on request.
 */
#include "postgres.h"

#include "base/words.h"
#include "nodes/value.h"
#include "utils/builtins.h"

#include "base/settings.h"
#include "change/journal.h"
#include "change/told.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/steps.h"
#include "flow/recipe/edited_since.h"
#include "flow/recipe/undo.h"
#include "server/disk/files.h"
#include "server/disk/modes.h"
#include "server/disk/paths.h"
#include "server/process/platform.h"
#include "server/process/raise.h"

static void
raise_not_in_effect(const CastsslChange *change)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("there is nothing to roll back"),
					errdetail("Change " INT64_FORMAT " (%s) %s.", change->id,
							  castssl_change_title(change), castssl_change_told(change)),
					errhint("SELECT * FROM castssl_changes() shows the state of each."),
					castssl_err_reason("castssl_nothing_to_roll_back")));
}

/*
 * Is it a rollback that this transaction made?  To take it back would put the earlier change into
 * effect again, and nothing would wait for a confirmation.
 */
static bool
is_own_rollback(const CastsslChange *change)
{
	return change->state == CASTSSL_UNCOMMITTED && change->undoes != NIL;
}

/*
 * The change that waits to be confirmed, or to be committed by this transaction. 55000 if there
 * is none: a program that wants to take back what failed must not take back the last good change.
 */
static List *
waiting_change(void)
{
	CastsslChange *open = castssl_journal_open_change();
	CastsslChange *last;

	if (open && (open->state == CASTSSL_UNCONFIRMED || open->state == CASTSSL_UNCOMMITTED) &&
		!is_own_rollback(open))
		return list_make1(open);
	last = castssl_journal_latest();
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("no change is waiting"),
			 errdetail("%s", castssl_change_last_told(last)),
			 last && last->state == CASTSSL_APPLIED && last->undoes == NIL
				 ? errhint("To take it back: SELECT * FROM castssl_rollback(" INT64_FORMAT ");",
						   last->id)
				 : errhint("SELECT * FROM castssl_changes() shows the state of each."),
			 castssl_err_reason("castssl_nothing_to_roll_back")));
}

/* The changes in effect from that one on, newest first. 0: the one that waits. */
static List *
changes_to_undo(int64 change_id)
{
	List *all;
	List *result = NIL;
	const CastsslChange *wanted = NULL;

	if (change_id == 0)
		return waiting_change();
	all = castssl_journal_list();
	for (int i = list_length(all) - 1; i >= 0; i--)
	{
		CastsslChange *change = list_nth(all, i);

		if (change->id == change_id)
			wanted = change;
		if (castssl_change_is_in_effect(change) && change->id >= change_id)
			result = lappend(result, change);
	}
	if (wanted == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("there is no change " INT64_FORMAT, change_id),
						errdetail("It never existed, or it is older than the changes that "
								  "castssl.keep_changes (%d) keeps.",
								  castssl_keep_changes),
						errhint("SELECT * FROM castssl_changes() lists those that can be rolled "
								"back.")));
	if (!castssl_change_is_in_effect(wanted))
		raise_not_in_effect(wanted);
	if (is_own_rollback(wanted))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change " INT64_FORMAT " is a rollback of this transaction", change_id),
				 errhint("ROLLBACK, or ROLLBACK TO a savepoint before it, takes it back."),
				 castssl_err_reason("castssl_nothing_to_roll_back")));
	return result;
}

/*
 * All changes since the oldest of those, including the ones that are undone already.
 * The change that undid them is undone as well, and they must not come back.
 */
static List *
changes_since_oldest(List *changes)
{
	int64 oldest = ((CastsslChange *) llast(changes))->id;
	List *result = NIL;
	ListCell *cell;

	foreach (cell, castssl_journal_list())
	{
		CastsslChange *change = lfirst(cell);

		if (change->id >= oldest && !change->undone)
			result = lappend(result, change);
	}
	return result;
}

/* Other accounts must not be able to read a key, even if they could before. */
static void
keep_safe_mode(CastsslPlannedFile *planned)
{
	mode_t own = planned->mode & S_IRWXU;

	if (planned->data == NULL || !castssl_platform_has_modes() ||
		!castssl_file_holds_key(planned->data, planned->length) || planned->mode == own)
		return;
	planned->mode = own;
	planned->mode_kept = true;
}

/* Plan the before-images of one change; a later call, for an older change, overrides them. */
static void
plan_before_images(CastsslPlan *plan, const CastsslChange *change)
{
	bool is_tls = change->touches_tls;

	for (int i = 0; i < list_length(change->files); i++)
	{
		const CastsslChangedFile *file = list_nth(change->files, i);
		struct stat *owner = palloc0(sizeof(struct stat));
		CastsslPlannedFile *planned = palloc0(sizeof(CastsslPlannedFile));
		ListCell *cell;

		owner->st_uid = file->uid;
		owner->st_gid = file->gid;
		planned->path = file->path;
		planned->data = castssl_journal_before_image(change, i, &planned->length);
		planned->mode = file->mode;
		planned->owner = planned->data ? owner : NULL;
		if (castssl_file_is_of_another(owner))
		{
			/* the file cannot be given back to its owner */
			planned->mode = castssl_file_mode_as_ours(file->mode);
			planned->owner = NULL;
		}
		keep_safe_mode(planned);
		planned->is_tls = is_tls && !castssl_hba_plan_is_file(plan, file->path);
		foreach (cell, plan->files)
		{
			if (strcmp(((CastsslPlannedFile *) lfirst(cell))->path, file->path) == 0)
			{
				plan->files = list_delete_cell(plan->files, cell);
				break;
			}
		}
		plan->files = lappend(plan->files, planned);
	}
}

static void
plan_before_parameters(CastsslPlan *plan, const List *changes)
{
	List *names = NIL;
	ListCell *cell;
	ListCell *item;

	/* The oldest change comes last, so its values are the ones to restore. */
	foreach (cell, changes)
	{
		foreach (item, ((CastsslChange *) lfirst(cell))->parameters)
		{
			const CastsslChangedParameter *parameter = lfirst(item);

			/* What was only bridged (change/bridge.h) has not changed. */
			if (strcmp(parameter->name, "ssl") == 0 ||
				!castssl_same_text(parameter->before, parameter->after))
				names = list_append_unique(names, makeString(pstrdup(parameter->name)));
		}
	}
	foreach (cell, names)
	{
		const char *name = strVal(lfirst(cell));
		const char *before = NULL;
		ListCell *change;

		foreach (change, changes)
		{
			const CastsslChangedParameter *parameter =
				castssl_changed_parameter(((CastsslChange *) lfirst(change))->parameters, name);

			if (parameter)
				before = parameter->before;
		}
		castssl_plan_parameter_stored(plan, name, before);
	}
}

static void
add_file_steps(CastsslPlan *plan)
{
	ListCell *cell;

	foreach (cell, plan->files)
	{
		const CastsslPlannedFile *file = lfirst(cell);
		bool is_hba = castssl_hba_plan_is_file(plan, file->path);

		if (path_is_prefix_of_path(castssl_state_path(NULL), file->path))
			continue; /* do not show our own state files to the caller */
		castssl_plan_step(plan, is_hba ? "edit pg_hba" : "install file", file->path,
						  CASTSSL_STEP_CHANGES,
						  file->data == NULL ? "removed again"
						  : file->mode_kept  ? "put back as it was before, except for its mode: "
											   "other accounts could read the key"
											 : "put back as it was before");
	}
}

static void
add_change_step(CastsslPlan *plan, const CastsslChange *change, const char *what)
{
	castssl_plan_step(plan, "roll back", psprintf("change " INT64_FORMAT, change->id),
					  CASTSSL_STEP_FOLLOWS, psprintf("%s: %s", what, castssl_change_title(change)));
}

/*
 * Add a step for each change that is taken back, and for each change that these had taken back and
 * that is in effect again.  A change that another returning change takes back stays taken back.
 */
static void
add_change_steps(CastsslPlan *plan, const List *changes)
{
	int64 oldest = ((CastsslChange *) llast(changes))->id;
	List *all = castssl_journal_list();
	List *taken_back_here = NIL;
	List *taken_back_there = NIL;
	const ListCell *cell;

	foreach (cell, changes)
	{
		const CastsslChange *change = lfirst(cell);

		add_change_step(plan, change, "taken back");
		taken_back_here = list_concat(taken_back_here, change->undoes);
	}
	for (int i = list_length(all) - 1; i >= 0; i--)
	{
		const CastsslChange *change = list_nth(all, i);

		if (change->id >= oldest || !castssl_ids_have(taken_back_here, change->id) ||
			castssl_ids_have(taken_back_there, change->id))
			continue;
		add_change_step(plan, change, "in effect again");
		taken_back_there = list_concat(taken_back_there, change->undoes);
	}
}

/* Warn that a revoked certificate becomes valid again, which the caller may not expect. */
static void
add_warnings(CastsslPlan *plan, const List *changes)
{
	ListCell *cell;

	foreach (cell, changes)
	{
		const CastsslChange *change = lfirst(cell);

		if (strcmp(change->action, "revoke") == 0)
			castssl_plan_warn(plan, "install file", psprintf("change " INT64_FORMAT, change->id),
							  CASTSSL_CODE_certificate_valid_again,
							  "revoked a certificate: whoever has its key can log in again.  To "
							  "keep it revoked, call castssl_revoke() again.");
	}
}

CastsslPlan *
castssl_undo_plan(int64 change_id)
{
	CastsslPlan *plan = castssl_plan_new("rollback");
	List *changes;
	ListCell *cell;

	castssl_journal_check_newest();
	changes = changes_to_undo(change_id);
	foreach (cell, changes)
		plan->takes_back |= ((CastsslChange *) lfirst(cell))->state == CASTSSL_APPLIED;
	castssl_edited_since_check(changes);
	castssl_hba_plan_read(plan);
	foreach (cell, changes)
		plan_before_images(plan, lfirst(cell));
	plan->undoes = changes_since_oldest(changes);
	add_change_steps(plan, changes);
	add_file_steps(plan);
	add_warnings(plan, changes);
	plan_before_parameters(plan, changes);
	castssl_hba_plan_from_files(plan);
	castssl_plan_material_afterwards(plan);
	castssl_plan_guard_ssl(plan);
	return plan;
}
