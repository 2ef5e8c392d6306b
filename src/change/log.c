/*
 * log.c
 *		Lines in the server's log: what happens to a change.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "change/log.h"
#include "change/told.h"

/* The beginning of each line: "pg_castssl: change 7 (enable by alice)". */
static char *
named(const CastsslChange *change)
{
	return psprintf("pg_castssl: %s", castssl_change_name(change));
}

/* The changes that this one takes back, as a clause; "" if there are none. */
static char *
taken_back(const CastsslChange *change)
{
	StringInfoData text;
	const ListCell *cell;

	initStringInfo(&text);
	foreach (cell, change->undoes)
	{
		int64 id = *(const int64 *) lfirst(cell);
		const CastsslChange *other = castssl_record_read(id);

		appendStringInfoString(&text, text.len ? ", " : ", and takes back ");
		if (other)
			appendStringInfoString(&text, castssl_change_name(other));
		else
			appendStringInfo(&text, "change " INT64_FORMAT, id);
	}
	return text.data;
}

char *
castssl_log_line(const CastsslChange *change, const CastsslPending *item)
{
	switch (item->kind)
	{
		case CASTSSL_PENDING_CONFIRM:
			return psprintf("%s was confirmed by %s", named(change),
							castssl_role_told(item->user_name));
		case CASTSSL_PENDING_POSTPONE:
			return psprintf("%s was postponed to %s by %s", named(change),
							castssl_clock_text(item->time), castssl_role_told(item->user_name));
		case CASTSSL_PENDING_KEEP:
			break;
	}
	return psprintf("%s was applied%s%s", named(change), taken_back(change),
					change->confirm_deadline
						? psprintf(", and will be undone at %s unless somebody confirms it",
								   castssl_clock_text(change->confirm_deadline))
						: "");
}

void
castssl_log_write(const char *line)
{
	ereport(LOG_SERVER_ONLY, (errmsg_internal("%s", line), errhidestmt(true)));
}

void
castssl_log_undone(const CastsslChange *change, const char *problem, int elevel)
{
	ereport(elevel, (errmsg("%s was undone: %s%s%s", named(change), change->reason,
							problem ? ", but the server has not loaded that yet: " : "",
							problem ? problem : ""),
					 elevel == WARNING
						 ? errdetail("Files and parameters are as they were before the change.")
						 : 0,
					 elevel == WARNING ? errhint("SELECT * FROM castssl_changes() shows it.") : 0));
}

void
castssl_log_left_alone(const CastsslChange *change, const char *reason, int elevel)
{
	ereport(elevel, (errmsg("%s was not undone: %s", named(change), reason),
					 errdetail("A part of it cannot be undone, so nothing was undone."),
					 errhint("Look at these files and at SELECT * FROM castssl_check();, and "
							 "repair what this server needs.")));
}
