/*
 * clock.h
 *		Points in time and spans of time, as people read them.
 *
 * Points in time are in the session's time zone.  Results are palloc'd.
 */
#ifndef CASTSSL_BASE_CLOCK_H
#define CASTSSL_BASE_CLOCK_H

#include "datatype/timestamp.h"

/* "2026-01-31 12:00:00 CET"; seconds since 1970-01-01 00:00 UTC. */
extern char *castssl_time_text(int64 seconds);

/* The same for a timestamp, without the date if that is today; "infinity", "-infinity". */
extern char *castssl_clock_text(TimestampTz time);

/* "10 min" for whole minutes, else "90 s"; fractions of a second are cut off. */
extern char *castssl_span_text(int64 milliseconds);

#endif
