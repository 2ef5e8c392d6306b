/*
 * recover.c
 *		Undo what was interrupted, and what nobody confirmed in time.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "change/journal.h"
#include "change/log.h"
#include "change/pending.h"
#include "change/prune.h"
#include "change/recover.h"
#include "change/rollback.h"
#include "server/disk/swap.h"
#include "server/reload.h"

static bool
is_due(const CastsslChange *change, TimestampTz now)
{
	return change->state == CASTSSL_APPLYING ||
		   (change->state == CASTSSL_UNCOMMITTED && !castssl_pending_is_own(change->id)) ||
		   (change->state == CASTSSL_UNCONFIRMED && change->confirm_deadline <= now &&
			!castssl_pending_decides(change->id));
}

bool
castssl_change_recovery_is_due(void)
{
	CastsslChange *open = castssl_journal_open_change();

	return (open && is_due(open, GetCurrentTimestamp())) || castssl_leftovers_exist();
}

static void
undo_one(CastsslChange *change, int elevel)
{
	CastsslChangeState state = CASTSSL_EXPIRED;
	const char *why;

	if (change->state == CASTSSL_APPLYING)
	{
		state = CASTSSL_FAILED;
		why = "it had been interrupted";
	}
	else if (change->state == CASTSSL_UNCOMMITTED)
	{
		state = CASTSSL_ROLLED_BACK;
		why = "its transaction did not commit";
	}
	else if (change->confirm_within > 0)
		why = psprintf("nobody confirmed it within " INT64_FORMAT " s",
					   change->confirm_within / 1000);
	else
		why = "nobody confirmed it in time";
	change->reason = why;
	castssl_log_undone(change, castssl_change_undo(change, state), elevel);
}

/*
 * Why the change cannot be undone as a whole, and so not at all: a clause, with the files;
 * NULL when it can.
 */
static char *
reason_to_leave_alone(const CastsslChange *change)
{
	StringInfoData outside;
	StringInfoData newer;
	ListCell *cell;

	initStringInfo(&outside);
	initStringInfo(&newer);
	foreach (cell, change->files)
	{
		const CastsslChangedFile *file = lfirst(cell);

		if (file->outside)
			appendStringInfo(&outside, "%s%s", outside.len ? ", " : "", file->path);
		if (change->moved && !file->elsewhere &&
			castssl_change_is_foreign(file, castssl_hash_on_disk(file->path, NULL)))
			appendStringInfo(&newer, "%s%s", newer.len ? ", " : "", file->path);
	}
	if (outside.len > 0 && change->whose != CASTSSL_OURS)
		return psprintf("%s: %s", castssl_whose_reason(change->whose), outside.data);
	if (newer.len > 0)
		return psprintf("this data directory is a copy or was restored, and these files are newer "
						"than the change: %s",
						newer.data);
	return NULL;
}

/* It is closed as it stands, so that other changes can go on. */
static void
leave_alone(CastsslChange *change, char *reason, int elevel)
{
	change->reason = psprintf("not undone: %s", reason);
	change->left_alone = true;
	change->state = change->state == CASTSSL_APPLYING ? CASTSSL_FAILED : CASTSSL_APPLIED;
	change->transaction = 0;
	change->finished_at = GetCurrentTimestamp();
	castssl_journal_update(change);
	castssl_log_left_alone(change, reason, elevel);
}

static void
recover_one(CastsslChange *change, int elevel)
{
	char *reason = reason_to_leave_alone(change);

	if (reason)
		leave_alone(change, reason, elevel);
	else
		undo_one(change, elevel);
}

/* The newest one, because it may have replaced what an older one wrote; NULL: none is due. */
static CastsslChange *
newest_due(TimestampTz now)
{
	List *changes = castssl_journal_list();

	for (int i = list_length(changes) - 1; i >= 0; i--)
	{
		if (is_due(list_nth(changes, i), now))
			return list_nth(changes, i);
	}
	return NULL;
}

/*
 * What has been undone may have been a rollback: then the change that it had taken back is in
 * effect again, and due itself, before those that are older.  So the journal is read each time.
 */
void
castssl_change_recover(int elevel)
{
	TimestampTz now = GetCurrentTimestamp();
	CastsslChange *change;

	while ((change = newest_due(now)) != NULL)
		recover_one(change, elevel);
	castssl_clear_up();
}

void
castssl_change_catch_up(void)
{
	const CastsslChange *newest = castssl_journal_latest();
	TimestampTz ended = newest ? Max(newest->applied_at, newest->finished_at) : 0;

	castssl_reload_catch_up(ended > Max(MyStartTimestamp, PgReloadTime));
}
