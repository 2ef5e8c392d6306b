/*
 * changes.c
 *		castssl_changes, castssl_confirm, castssl_postpone and castssl_rollback.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/timestamp.h"

#include "api/arguments.h"
#include "api/entry.h"
#include "api/result.h"
#include "change/journal.h"
#include "change/worker.h"
#include "flow/apply/confirm.h"
#include "flow/recipe/undo.h"
#include "server/process/caller.h"

static void
add_change(CastsslRows *rows, const CastsslChange *change)
{
	CastsslRow row = castssl_row_begin(rows->descriptor);
	const char **files = palloc(Max(list_length(change->files), 1) * sizeof(char *));

	for (int i = 0; i < list_length(change->files); i++)
		files[i] = ((CastsslChangedFile *) list_nth(change->files, i))->path;
	castssl_row_int(&row, "change_id", change->id);
	castssl_row_time(&row, "started_at", change->started_at);
	castssl_row_time(&row, "finished_at", change->finished_at);
	castssl_row_text(&row, "user_name", change->user_name);
	castssl_row_text(&row, "action", change->action);
	castssl_row_text(&row, "state", castssl_change_state_name(change->state));
	castssl_row_time(&row, "confirm_deadline", change->confirm_deadline);
	castssl_row_text_array(&row, "files", files, list_length(change->files));
	castssl_row_said(
		&row, "reason",
		change->reason == NULL && change->moved
			? "made before this data directory was copied here, maybe by another server"
			: change->reason);
	castssl_rows_add(rows, &row);
}

CASTSSL_FUNCTION(castssl_changes)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	ListCell *cell;

	/* a monitoring role only looks */
	if (castssl_caller_is_superuser())
		castssl_worker_stand_in();
	else
		castssl_worker_tell();
	foreach (cell, castssl_journal_list())
		add_change(&rows, lfirst(cell));
	return (Datum) 0;
}

typedef struct Confirm
{
	int64 change_id;
	bool force;
} Confirm;

static void
confirm(void *arg)
{
	Confirm *call = arg;

	call->change_id = castssl_confirm_change(call->change_id, call->force);
}

/* castssl_confirm(change_id, force) */
CASTSSL_FUNCTION(castssl_confirm)
{
	Confirm call = { .change_id = castssl_argument_change_id(fcinfo, 0),
					 .force = castssl_argument_bool(fcinfo, 1) };

	castssl_confirm_check_committed();
	castssl_with_lock_to_decide(confirm, &call);
	PG_RETURN_INT64(call.change_id);
}

static void
postpone(void *arg)
{
	int64 *milliseconds_then_deadline = arg;

	*milliseconds_then_deadline = castssl_confirm_postpone(*milliseconds_then_deadline);
}

/* castssl_postpone(confirm_within) */
CASTSSL_FUNCTION(castssl_postpone)
{
	int64 milliseconds_then_deadline = castssl_argument_confirm_within(fcinfo, 0);

	if (milliseconds_then_deadline == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("confirm_within must not be null"),
				 errhint("For example: SELECT castssl_postpone(confirm_within => '10 min').")));
	castssl_confirm_check_committed();
	castssl_with_lock_to_decide(postpone, &milliseconds_then_deadline);
	PG_RETURN_TIMESTAMPTZ(milliseconds_then_deadline);
}

static CastsslPlan *
make_rollback_plan(void *arg)
{
	return castssl_undo_plan(*(int64 *) arg);
}

/* castssl_rollback(change_id, force) */
CASTSSL_FUNCTION(castssl_rollback)
{
	int64 change_id = castssl_argument_change_id(fcinfo, 0);
	CastsslApplyOptions options = { 0 };

	options.force = castssl_argument_bool(fcinfo, 1);
	castssl_run_plan(make_rollback_plan, &change_id, &options, fcinfo);
	return (Datum) 0;
}
