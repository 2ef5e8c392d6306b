/*
 * undo.c
 *		Undoing a change on request, and confirming one.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "change/attempt.h"
#include "change/journal.h"
#include "change/lock.h"
#include "change/pending.h"
#include "change/recover.h"
#include "change/rollback.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/steps.h"
#include "flow/recipe/undo.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/swap.h"
#include "server/process/raise.h"
#include "server/sessions.h"

static void
raise_not_in_effect(const CastsslChange *change)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("there is nothing to roll back"),
					change ? errdetail("Change " INT64_FORMAT " is in state \"%s\".", change->id,
									   castssl_change_state_name(change->state))
						   : errdetail("No change is in effect."),
					errhint("SELECT * FROM castssl_changes() shows the state of each."),
					castssl_err_reason("castssl_nothing_to_roll_back")));
}

/* The changes in effect from that one (0: the latest) on, newest first. */
static List *
changes_to_undo(int64 change_id)
{
	List *all = castssl_journal_list();
	List *result = NIL;
	const CastsslChange *wanted = NULL;

	for (int i = list_length(all) - 1; i >= 0; i--)
	{
		CastsslChange *change = list_nth(all, i);

		if (change->id == change_id)
			wanted = change;
		if (!castssl_change_is_in_effect(change) || change->id < change_id)
			continue;
		result = lappend(result, change);
		if (change_id == 0)
			break;
	}
	if (change_id != 0 && wanted == NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("there is no change " INT64_FORMAT, change_id),
						errdetail("It never was, or is older than the last %d, which "
								  "castssl.keep_changes keeps.",
								  castssl_keep_changes),
						errhint("SELECT * FROM castssl_changes() lists those that can be rolled "
								"back.")));
	if (result == NIL || (wanted && !castssl_change_is_in_effect(wanted)))
		raise_not_in_effect(wanted);
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

/* The items that none of the changes before had; their names join *seen. */
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

/* If two changes touch a file, the newer one knows its current contents. */
static void
check_unedited(const List *changes)
{
	List *seen = NIL;
	ListCell *cell;

	foreach (cell, changes)
	{
		CastsslChange part = *(CastsslChange *) lfirst(cell);
		char *edited;

		part.files = take_unseen(part.files, path_of, &seen);
		edited = castssl_change_edited_since(&part);
		if (edited)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("files were edited since change " INT64_FORMAT, part.id),
					 errdetail("Edited: %s.", edited),
					 errhint("Rolling back would lose those edits: undo them first, or go on from "
							 "here with castssl_enable() or castssl_disable()."),
					 castssl_err_reason("castssl_edited_since")));
	}
}

/* The same of parameters: what ALTER SYSTEM has stored since would be lost. */
static void
check_not_set(const List *changes)
{
	List *seen = NIL;
	ListCell *cell;

	foreach (cell, changes)
	{
		CastsslChange part = *(CastsslChange *) lfirst(cell);
		char *set;

		part.parameters = take_unseen(part.parameters, name_of, &seen);
		set = castssl_change_parameters_set_since(&part);
		if (set)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("parameters were set since change " INT64_FORMAT, part.id),
					 errdetail("Set by ALTER SYSTEM: %s.", set),
					 errhint("Rolling back would lose these values: set them back first, or go on "
							 "from here with castssl_enable() or castssl_disable()."),
					 castssl_err_reason("castssl_edited_since")));
	}
}

/* Plan the before-images of one change; a later call, for an older change, wins. */
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

	/* The oldest change last: its before-images are the ones to restore. */
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
			foreach (item, ((CastsslChange *) lfirst(change))->parameters)
			{
				CastsslChangedParameter *parameter = lfirst(item);

				if (strcmp(parameter->name, name) == 0)
					before = parameter->before;
			}
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
						  file->data ? "put back as it was before" : "removed again");
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
			castssl_plan_warn(
				plan, "install file", psprintf("change " INT64_FORMAT, change->id),
				CASTSSL_CODE_certificate_valid_again,
				"It revoked a certificate: who holds its key can log in again. To keep it revoked, "
				"call castssl_revoke() again.");
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
	/* What waits to be confirmed would be taken back at its deadline all the same. */
	plan->takes_back = ((CastsslChange *) linitial(changes))->state == CASTSSL_APPLIED;
	check_unedited(changes);
	check_not_set(changes);
	castssl_hba_plan_read(plan);
	foreach (cell, changes)
		plan_before_images(plan, lfirst(cell));
	plan->undoes = changes_since_oldest(changes);
	add_file_steps(plan);
	add_warnings(plan, changes);
	plan_before_parameters(plan, changes);
	castssl_hba_plan_from_files(plan);
	castssl_plan_material_afterwards(plan);
	castssl_plan_guard_ssl(plan);
	return plan;
}

/* 55000 if the newest change is not committed yet: who made it must do that first. */
void
castssl_undo_check_committed(void)
{
	CastsslChange *change = castssl_journal_open_change();

	if (change && change->state == CASTSSL_UNCOMMITTED &&
		(castssl_pending_is_own(change->id) || castssl_lock_is_held()))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change " INT64_FORMAT " is not committed yet", change->id),
				 errdetail("%s made it in a transaction that is still open.", change->user_name),
				 errhint("COMMIT that transaction, then confirm the change from a new connection."),
				 castssl_err_reason("castssl_not_committed")));
}

static CastsslChange *
unconfirmed_change(int64 change_id)
{
	CastsslChange *change;

	castssl_journal_check_newest();
	change = castssl_journal_open_change();
	if (change == NULL || change->state != CASTSSL_UNCONFIRMED ||
		(change_id != 0 && change->id != change_id))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("no such change waits for confirmation"),
						change && change->state == CASTSSL_UNCONFIRMED
							? errdetail("The one that does is change " INT64_FORMAT ".", change->id)
							: errdetail("None does: it was confirmed or undone, or needs no "
										"confirmation."),
						errhint("SELECT * FROM castssl_changes() shows the state of each."),
						castssl_err_reason("castssl_nothing_to_confirm")));
	return change;
}

static void
undo_overdue(void *arg)
{
	castssl_change_recover(LOG);
}

/* Nobody confirmed it in time: it is undone, or the caller learns why it cannot be. */
static void
check_not_overdue(const CastsslChange *change)
{
	ErrorData *error;

	if (change->confirm_deadline > GetCurrentTimestamp())
		return;
	error = castssl_attempt(undo_overdue, NULL);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the deadline of change " INT64_FORMAT " has passed", change->id),
			 error ? errdetail("It is to be undone, which is not possible yet: %s.", error->message)
				   : errdetail("It has been undone."),
			 error ? errhint("Mend that: the change is undone by itself then.  To keep it, make it "
							 "again.")
				   : errhint("Make the change again, and confirm it in time."),
			 castssl_err_reason("castssl_deadline_passed")));
}

/*
 * Did this session begin before the change took effect?  The server knew who was connected
 * then; the clock tells for sessions that had not come in yet, unless it was put back.
 */
static bool
began_before(const CastsslChange *change)
{
	if (castssl_session_is_among(change->sessions))
		return true;
	if (change->server_start != 0 && change->server_start != PgStartTime)
		return false;
	return MyStartTimestamp <= change->applied_at &&
		   (change->sessions == NULL || GetCurrentTimestamp() >= change->applied_at);
}

int64
castssl_undo_confirm(int64 change_id, bool force)
{
	CastsslChange *change = unconfirmed_change(change_id);

	check_not_overdue(change);
	/* That a session could begin after the change is the proof that one can. */
	if (!force && began_before(change))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this session began before the change took effect"),
						errdetail("It proves nothing about who can still connect."),
						errhint("Open a new connection and call castssl_confirm() there, or use "
								"force => true."),
						castssl_err_reason("castssl_no_proof")));
	castssl_pending_add(CASTSSL_PENDING_CONFIRM, change->id, 0);
	return change->id;
}

TimestampTz
castssl_undo_postpone(int64 milliseconds)
{
	CastsslChange *change = unconfirmed_change(0);
	TimestampTz deadline;

	check_not_overdue(change);
	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
	castssl_pending_add(CASTSSL_PENDING_POSTPONE, change->id, deadline);
	return deadline;
}
