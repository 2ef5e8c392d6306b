/*
 * transaction.c
 *		A change belongs to the transaction that made it.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/fault.h"
#include "change/fate.h"
#include "change/journal.h"
#include "change/lock.h"
#include "change/log.h"
#include "change/pending.h"
#include "change/recover.h"
#include "change/staged.h"
#include "change/transaction.h"

static void
keep(CastsslChange *change, int64 confirm_within, uint64 transaction)
{
	TimestampTz now = GetCurrentTimestamp();

	change->transaction = transaction;
	if (confirm_within > 0)
	{
		change->state = CASTSSL_UNCONFIRMED;
		change->confirm_deadline = TimestampTzPlusMilliseconds(now, confirm_within);
		change->confirm_within = confirm_within;
		return;
	}
	change->state = CASTSSL_APPLIED;
	change->finished_at = now;
}

static void
confirm(CastsslChange *change, uint64 transaction)
{
	TimestampTz now = GetCurrentTimestamp();

	change->transaction = 0; /* that one has committed */
	change->decision = transaction;
	if (transaction != 0)
	{
		change->confirmed_at = now;
		return;
	}
	change->state = CASTSSL_APPLIED;
	change->finished_at = now;
}

static void
postpone(CastsslChange *change, TimestampTz deadline, uint64 transaction)
{
	change->decision = transaction;
	if (transaction != 0)
	{
		change->postponed_to = deadline;
		return;
	}
	change->confirm_deadline = deadline;
	change->confirm_within = 0;
}

/* Is this the last item for its change?  Only that one is logged. */
static bool
is_last_word(const CastsslPending *item)
{
	const ListCell *cell;
	bool last = false;

	foreach (cell, castssl_pending_list())
	{
		const CastsslPending *other = lfirst(cell);

		if (!other->aborted && other->change_id == item->change_id)
			last = (other == item);
	}
	return last;
}

/* Write the state that the change has if this transaction commits. */
static void
settle(CastsslPending *item, uint64 transaction)
{
	CastsslChange *change = castssl_journal_read_existing(item->change_id);

	switch (item->kind)
	{
		case CASTSSL_PENDING_KEEP:
			keep(change, item->time, transaction);
			break;
		case CASTSSL_PENDING_CONFIRM:
			confirm(change, transaction);
			break;
		case CASTSSL_PENDING_POSTPONE:
			postpone(change, item->time, transaction);
			break;
	}
	castssl_journal_update(change);
	if (is_last_word(item))
		item->line = MemoryContextStrdup(TopMemoryContext, castssl_log_line(change, item));
}

static bool
any(const List *pending, bool aborted)
{
	const ListCell *cell;

	foreach (cell, pending)
	{
		if (((const CastsslPending *) lfirst(cell))->aborted == aborted)
			return true;
	}
	return false;
}

/*
 * An error here aborts the transaction, and then the changes are undone.  Changes of
 * subtransactions that were rolled back are undone first: while this transaction keeps the lock,
 * no other process can do it.
 */
static void
before_commit(void)
{
	const List *pending = castssl_pending_list();
	const ListCell *cell;
	uint64 transaction;

	if (!any(pending, false))
		return;
	if (any(pending, true))
		castssl_change_recover(LOG);
	HOLD_INTERRUPTS();
	transaction = castssl_transaction_id(false);
	CASTSSL_FAULT("before commit");
	foreach (cell, pending)
	{
		CastsslPending *item = lfirst(cell);

		if (!item->aborted)
			settle(item, transaction);
	}
	CASTSSL_FAULT("about to commit");
	RESUME_INTERRUPTS();
}

static void
log_decided(void)
{
	const ListCell *cell;

	foreach (cell, castssl_pending_list())
	{
		const CastsslPending *item = lfirst(cell);

		if (item->line)
			castssl_log_write(item->line);
	}
}

/*
 * Tell the client that a change does not stay.  The log gets a line when the change is undone.
 */
static void
tell_taken_back(void)
{
	const ListCell *cell;

	foreach (cell, castssl_pending_list())
	{
		const CastsslPending *item = lfirst(cell);

		if (item->kind == CASTSSL_PENDING_KEEP && !item->aborted)
			ereport(WARNING_CLIENT_ONLY,
					(errmsg("change " INT64_FORMAT
							" of pg_castssl is taken back, because its transaction did not commit",
							item->change_id)));
	}
}

static void
forget_and_wake(void)
{
	castssl_pending_forget();
	castssl_watch_wake_again();
}

static void
at_end(XactEvent event, void *arg)
{
	if (event == XACT_EVENT_PRE_COMMIT)
		castssl_staged_before_commit();
	else if (event == XACT_EVENT_COMMIT || event == XACT_EVENT_ABORT || event == XACT_EVENT_PREPARE)
		castssl_staged_end(event == XACT_EVENT_COMMIT);
	if (castssl_pending_list() == NIL &&
		!(event == XACT_EVENT_PRE_PREPARE && castssl_lock_has_staged()))
		return;
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
			before_commit();
			break;
		case XACT_EVENT_PRE_PREPARE:
			ereport(
				ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("a transaction that made a change or staged edits with pg_castssl cannot "
						"be prepared"),
				 errdetail("The session that makes a change must itself commit the change or "
						   "roll it back."),
				 errhint("COMMIT instead, or call castssl_* outside of this transaction.")));
			break;
		case XACT_EVENT_ABORT:
			tell_taken_back();
			forget_and_wake();
			break;
		case XACT_EVENT_COMMIT:
			log_decided();
			forget_and_wake();
			break;
		default:
			break;
	}
}

static void
at_end_of_subtransaction(SubXactEvent event, SubTransactionId id, SubTransactionId parent,
						 void *arg)
{
	if (castssl_pending_list() == NIL ||
		(event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB))
		return;
	castssl_pending_end_level(GetCurrentTransactionNestLevel(), event == SUBXACT_EVENT_COMMIT_SUB);
	if (event == SUBXACT_EVENT_ABORT_SUB)
		castssl_watch_wake_again();
}

void
castssl_transaction_register(void)
{
	RegisterXactCallback(at_end, NULL);
	RegisterSubXactCallback(at_end_of_subtransaction, NULL);
}
