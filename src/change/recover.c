/*
 * recover.c
 *		Undo changes that were interrupted, not committed, or not confirmed in time.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/words.h"
#include "change/journal.h"
#include "change/log.h"
#include "change/pending.h"
#include "change/prune.h"
#include "change/recover.h"
#include "change/rollback.h"
#include "server/disk/files.h"
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
		why = psprintf("nobody confirmed it within %s", castssl_span_text(change->confirm_within));
	else
		why = "nobody confirmed it in time";
	change->reason = why;
	castssl_log_undone(change, castssl_change_undo(change, state), elevel);
}

char *
castssl_change_why_left_alone(const CastsslChange *change)
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
			castssl_append_listed(&outside, file->path);
		if (change->moved && !file->elsewhere &&
			(castssl_file_is_replaced(file->path) ||
			 castssl_change_is_foreign(file, castssl_hash_on_disk(file->path, NULL))))
			castssl_append_listed(&newer, file->path);
	}
	if (outside.len > 0 && change->whose != CASTSSL_OURS)
		return psprintf("%s: %s", castssl_whose_reason(change->whose), outside.data);
	if (newer.len > 0)
		return psprintf("this data directory is a copy or was restored, and these files are newer "
						"than the change: %s",
						newer.data);
	return NULL;
}

char *
castssl_change_hint_to_end(const CastsslChange *change)
{
	bool as_made;

	if (change->state != CASTSSL_UNCONFIRMED || change->confirm_deadline <= GetCurrentTimestamp())
		return pstrdup("SELECT * FROM castssl_changes(); by a superuser ends it, and leaves the "
					   "files as they are.");
	as_made = castssl_change_edited_since(change) == NULL &&
			  castssl_change_parameters_set_since(change) == NULL;
	return psprintf("End it: SELECT castssl_confirm(" INT64_FORMAT ", force => true);%s",
					change->id,
					as_made ? "  Or take it back: SELECT * FROM castssl_rollback();" : "");
}

/* Close the change without undoing it, so that other changes can be made. */
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
	char *reason = castssl_change_why_left_alone(change);

	if (reason)
		leave_alone(change, reason, elevel);
	else
		undo_one(change, elevel);
}

/* The newest change that is due, because it may have replaced files of an older one; NULL: none. */
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
 * An undone change may have been a rollback.  Then the change that it took back is in effect again,
 * and may be due before older ones.  So the journal is read again each time.
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
