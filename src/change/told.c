/*
 * told.c
 *		The state of a change, in words.
 */
#include "postgres.h"

#include <ctype.h>

#include "lib/stringinfo.h"
#include "utils/builtins.h"

#include "base/clock.h"
#include "change/told.h"

char *
castssl_role_told(const char *name)
{
	StringInfoData text;

	initStringInfo(&text);
	for (const char *c = quote_identifier(name); *c; c++)
	{
		if (iscntrl((unsigned char) *c))
			appendStringInfo(&text, "\\%02X", (unsigned char) *c);
		else
			appendStringInfoChar(&text, *c);
	}
	return text.data;
}

char *
castssl_change_name(const CastsslChange *change)
{
	return psprintf("change " INT64_FORMAT " (%s%s%s)", change->id, change->action,
					change->user_name ? " by " : "",
					change->user_name ? castssl_role_told(change->user_name) : "");
}

char *
castssl_change_title(const CastsslChange *change)
{
	return psprintf("%s%s%s%s%s", change->action, change->user_name ? " by " : "",
					change->user_name ? castssl_role_told(change->user_name) : "",
					change->started_at ? ", " : "",
					change->started_at ? castssl_clock_text(change->started_at) : "");
}

/* For an undone change: at once, at its deadline, with its transaction, or after a crash. */
static char *
undone(const CastsslChange *change)
{
	const char *reason = change->reason ? change->reason : "nobody confirmed it in time";

	if (change->finished_at == 0)
		return psprintf("was undone: %s", reason);
	return psprintf("was undone at %s: %s", castssl_clock_text(change->finished_at), reason);
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
							castssl_clock_text(change->confirm_deadline));
		case CASTSSL_APPLIED:
			return psprintf("has been in effect since %s", castssl_clock_text(change->applied_at));
		case CASTSSL_ROLLED_BACK:
			return change->undone ? undone(change) : pstrdup("was taken back by a later change");
		case CASTSSL_EXPIRED:
		case CASTSSL_FAILED:
			return undone(change);
		case CASTSSL_DAMAGED:
			break;
	}
	return psprintf("has a damaged record: %s", change->reason);
}

char *
castssl_change_last_told(const CastsslChange *last)
{
	return last ? psprintf("The last one, " INT64_FORMAT ", %s.", last->id,
						   castssl_change_told(last))
				: pstrdup("Nothing was changed so far.");
}
