/*
 * clock.c
 *		Points in time and spans of time, as people read them.
 */
#include "postgres.h"

#include "pgtime.h"
#include "utils/timestamp.h"

#include "base/clock.h"

/* Returns a copy, because pg_localtime() always returns the same static struct. */
static struct pg_tm
local_time(int64 seconds)
{
	pg_time_t time = (pg_time_t) seconds;

	return *pg_localtime(&time, session_timezone);
}

static char *
clock_of(const struct pg_tm *local)
{
	return psprintf("%02d:%02d:%02d %s", local->tm_hour, local->tm_min, local->tm_sec,
					local->tm_zone);
}

char *
castssl_time_text(int64 seconds)
{
	struct pg_tm local = local_time(seconds);

	return psprintf("%04d-%02d-%02d %s", local.tm_year + 1900, local.tm_mon + 1, local.tm_mday,
					clock_of(&local));
}

char *
castssl_clock_text(TimestampTz time)
{
	struct pg_tm local;
	struct pg_tm now;

	if (TIMESTAMP_NOT_FINITE(time))
		return pstrdup(timestamptz_to_str(time));
	local = local_time(timestamptz_to_time_t(time));
	now = local_time(timestamptz_to_time_t(GetCurrentTimestamp()));
	return local.tm_year == now.tm_year && local.tm_yday == now.tm_yday
			   ? clock_of(&local)
			   : castssl_time_text(timestamptz_to_time_t(time));
}

char *
castssl_span_text(int64 milliseconds)
{
	int64 seconds = milliseconds / 1000;

	return seconds % SECS_PER_MINUTE == 0 ? psprintf(INT64_FORMAT " min", seconds / SECS_PER_MINUTE)
										  : psprintf(INT64_FORMAT " s", seconds);
}
