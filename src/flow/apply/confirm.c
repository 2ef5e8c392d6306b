/*
 * confirm.c
 *		Keeping a change that waits, or giving it more time.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "base/words.h"
#include "change/attempt.h"
#include "change/journal.h"
#include "change/lock.h"
#include "change/pending.h"
#include "change/recover.h"
#include "change/told.h"
#include "flow/apply/confirm.h"
#include "flow/ask/arrival.h"
#include "server/process/raise.h"
#include "server/process/schema.h"

void
castssl_confirm_check_committed(void)
{
	CastsslChange *change = castssl_journal_open_change();

	if (change && change->state == CASTSSL_UNCOMMITTED &&
		(castssl_pending_is_own(change->id) || castssl_lock_is_held()))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change " INT64_FORMAT " is not committed yet", change->id),
				 errdetail("Role \"%s\" made it in a transaction that is still open.",
						   change->user_name),
				 errhint("COMMIT that transaction, then confirm the change from a new connection."),
				 castssl_err_reason("castssl_not_committed")));
}

static void
raise_expired(const CastsslChange *change)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("change " INT64_FORMAT " %s", change->id, castssl_change_told(change)),
					errdetail("The change was: %s.", castssl_change_title(change)),
					errhint("Make the change again, and confirm it in time."),
					castssl_err_reason("castssl_deadline_passed")));
}

/* Raise what is known about the change that was asked for (0: any), which does not wait. */
static void
raise_not_waiting(int64 change_id, const CastsslChange *open)
{
	const CastsslChange *change =
		change_id != 0 ? castssl_journal_read(change_id) : castssl_journal_latest();

	if (change_id != 0 && change && change->state == CASTSSL_EXPIRED)
		raise_expired(change);
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 change_id == 0
				 ? errmsg("no change is waiting")
				 : errmsg("change " INT64_FORMAT " does not wait for confirmation", change_id),
			 open ? errdetail("Change " INT64_FORMAT " (%s) is the one that waits.", open->id,
							  castssl_change_title(open))
			 : change_id == 0 ? errdetail("%s", castssl_change_last_told(change))
			 : change == NULL
				 ? errdetail("There is no such change.")
				 : errdetail("Change " INT64_FORMAT " (%s) %s.", change->id,
							 castssl_change_title(change), castssl_change_told(change)),
			 errhint("SELECT * FROM castssl_changes() shows the state of each."),
			 castssl_err_reason("castssl_nothing_to_confirm")));
}

static CastsslChange *
unconfirmed_change(int64 change_id)
{
	CastsslChange *change;

	castssl_journal_check_newest();
	change = castssl_journal_open_change();
	if (change && change->state != CASTSSL_UNCONFIRMED)
		change = NULL;
	if (change == NULL || (change_id != 0 && change->id != change_id))
		raise_not_waiting(change_id, change);
	return change;
}

static void
undo_overdue(void *arg)
{
	castssl_change_recover(LOG);
}

/*
 * If nobody confirmed it in time, undo it, and raise that it expired, or why it cannot be undone.
 */
static void
check_not_overdue(const CastsslChange *change)
{
	ErrorData *error;

	if (change->confirm_deadline > GetCurrentTimestamp() || castssl_pending_decides(change->id))
		return;
	error = castssl_attempt(undo_overdue, NULL);
	if (error == NULL)
		raise_expired(castssl_journal_read_existing(change->id));
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the deadline of change " INT64_FORMAT " has passed", change->id),
					errdetail("The change could not be undone yet: %s.", error->message),
					errhint("Correct that, and the server undoes the change by itself.  To keep "
							"the change, make it again."),
					castssl_err_reason("castssl_deadline_passed")));
}

/* What the caller can do to show that clients come in. */
static char *
hint_for(const CastsslChange *change, const CastsslArrival *arrival)
{
	char *statement = psprintf("SELECT castssl_confirm(" INT64_FORMAT ")", change->id);
	char *client;
	char *command;

	if (arrival->closed)
		return psprintf("If this change blocks such connections, take it back: SELECT * FROM "
						"castssl_rollback(" INT64_FORMAT
						");  If something else blocks them, remove that first, then confirm from a "
						"new connection.",
						change->id);
	if (arrival->wanted == NULL)
		return psprintf("Open a new connection and run there: %s;", statement);
	client = castssl_shell_word(arrival->conninfo);
	/* the schema's name may need SQL quotes, and these need shell quotes */
	command = castssl_shell_word(castssl_schema_named(statement));
	if (client == NULL || command == NULL)
		return psprintf("Let a client connect %s.  While it is connected, run: %s;",
						arrival->wanted, statement);
	return psprintf("Confirm from a new connection: psql %s -c %s%s", client, command,
					arrival->certificate
						? "  The connection needs a client certificate: put it into "
						  "~/.postgresql, or add sslcert and sslkey."
						: "");
}

/* A client that has come in since the change proves that clients can. */
static void
check_arrival(const CastsslChange *change)
{
	CastsslArrival arrival = castssl_arrival(change);

	if (arrival.seen)
		return;
	ereport(
		ERROR,
		(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
		 arrival.closed ? errmsg("nobody could connect %s", arrival.wanted)
		 : arrival.wanted
			 ? errmsg("no client has connected %s since change " INT64_FORMAT " took effect",
					  arrival.wanted, change->id)
			 : errmsg("this session began before change " INT64_FORMAT " took effect", change->id),
		 errdetail("%s", arrival.detail), errhint("%s", hint_for(change, &arrival)),
		 castssl_err_reason("castssl_no_proof")));
}

int64
castssl_confirm_change(int64 change_id, bool force)
{
	CastsslChange *change = unconfirmed_change(change_id);

	check_not_overdue(change);
	if (!force)
		check_arrival(change);
	castssl_pending_add(CASTSSL_PENDING_CONFIRM, change->id, 0);
	return change->id;
}

TimestampTz
castssl_confirm_postpone(int64 milliseconds)
{
	CastsslChange *change = unconfirmed_change(0);
	TimestampTz deadline;

	check_not_overdue(change);
	deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
	castssl_pending_add(CASTSSL_PENDING_POSTPONE, change->id, deadline);
	return deadline;
}
