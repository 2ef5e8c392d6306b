/*
 * instant.c
 *		Points in time in certificates: ASN.1 times as seconds, and as text.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <time.h>

#include <openssl/err.h>

#ifndef FRONTEND
#include "base/clock.h"
#endif
#include "tls/instant.h"

#define SECONDS_A_DAY INT64CONST(86400)

/* The range of ASN1_TIME_adj: the years 1900 to 9999. */
#define FIRST_INSTANT INT64CONST(-2208988800)
#define LAST_INSTANT INT64CONST(253402300799)

bool
castssl_asn1_seconds(const ASN1_TIME *time, int64 *seconds)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days;
	int rest;
	/* OpenSSL reads a missing time as "now". */
	bool good = epoch != NULL && time != NULL && ASN1_TIME_diff(&days, &rest, epoch, time);

	ASN1_TIME_free(epoch);
	if (!good)
	{
		ERR_clear_error();
		return false;
	}
	*seconds = days * SECONDS_A_DAY + rest;
	return true;
}

ASN1_TIME *
castssl_asn1_time(int64 seconds)
{
	seconds = Min(Max(seconds, FIRST_INSTANT), LAST_INSTANT);
	return ASN1_TIME_adj(NULL, 0, (int) (seconds / SECONDS_A_DAY),
						 (long) (seconds % SECONDS_A_DAY));
}

#ifndef FRONTEND
char *
castssl_instant_text(int64 seconds)
{
	return castssl_time_text(Min(Max(seconds, FIRST_INSTANT), LAST_INSTANT));
}
#else
char *
castssl_instant_text(int64 seconds)
{
	ASN1_TIME *time = castssl_asn1_time(seconds);
	struct tm tm = { 0 };

	/* time is NULL only when out of memory; then the text is not a date */
	if (time != NULL)
		(void) ASN1_TIME_to_tm(time, &tm);
	ASN1_TIME_free(time);
	return psprintf("%04d-%02d-%02d %02d:%02d:%02d UTC", tm.tm_year + 1900, tm.tm_mon + 1,
					tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
}
#endif
