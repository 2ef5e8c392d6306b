/*
 * told.c
 *		What became of a change, in words.
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "change/told.h"

char *
castssl_change_name(const CastsslChange *change)
{
	return psprintf("change " INT64_FORMAT " (%s%s%s)", change->id, change->action,
					change->user_name ? " by " : "", change->user_name ? change->user_name : "");
}

char *
castssl_change_title(const CastsslChange *change)
{
	return psprintf("%s%s%s%s%s", change->action, change->user_name ? " by " : "",
					change->user_name ? change->user_name : "", change->started_at ? ", " : "",
					change->started_at ? timestamptz_to_str(change->started_at) : "");
}

/* By itself: at once, at its deadline, with its transaction, after a crash. */
static char *
undone(const CastsslChange *change)
{
	const char *reason = change->reason ? change->reason : "nobody confirmed it in time";

	if (change->finished_at == 0)
		return psprintf("was undone: %s", reason);
	return psprintf("was undone at %s: %s", timestamptz_to_str(change->finished_at), reason);
}

char *
castssl_change_told(const CastsslChange *change)
{
	switch (change->state)
	{
		case CASTSSL_APPLYING:
			return pstrdup("has not ended");
		case CASTSSL_UNCOMMITTED:
			return pstrdup("is not committed yet");
		case CASTSSL_UNCONFIRMED:
			return psprintf("waits to be confirmed until %s",
							timestamptz_to_str(change->confirm_deadline));
		case CASTSSL_APPLIED:
			return psprintf("is in effect since %s", timestamptz_to_str(change->applied_at));
		case CASTSSL_ROLLED_BACK:
			return change->undone ? undone(change) : pstrdup("was taken back by a later change");
		case CASTSSL_EXPIRED:
		case CASTSSL_FAILED:
			return undone(change);
		case CASTSSL_DAMAGED:
			break;
	}
	return psprintf("has a record that is damaged: %s", change->reason);
}
