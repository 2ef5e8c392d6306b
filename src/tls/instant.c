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

#include "tls/instant.h"

#define SECONDS_A_DAY INT64CONST(86400)

static const int days_before[] = { 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365 };

static bool
is_leap(int64 year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first day of a year; years from 1 on. */
static int64
days_to_year(int64 year)
{
	int64 before = year - 1;

	return before * 365 + before / 4 - before / 100 + before / 400 - 719162;
}

bool
castssl_asn1_seconds(const ASN1_TIME *time, int64 *seconds)
{
	struct tm tm;
	int64 year;
	int64 days;

	/* OpenSSL reads a missing time as "now". */
	if (time == NULL || !ASN1_TIME_check(time) || !ASN1_TIME_to_tm(time, &tm))
	{
		ERR_clear_error();
		return false;
	}
	year = (int64) tm.tm_year + 1900;
	days = days_to_year(year) + days_before[tm.tm_mon] + (tm.tm_mon > 1 && is_leap(year)) +
		   tm.tm_mday - 1;
	*seconds = days * SECONDS_A_DAY + tm.tm_hour * INT64CONST(3600) + tm.tm_min * INT64CONST(60) +
			   tm.tm_sec;
	return true;
}

/* Calendar fields of a time in the years 1 to 9999.  Other times are cut to that range. */
static void
split(int64 seconds, int fields[6])
{
	int64 days;
	int64 year;
	int rest;
	int month = 0;

	seconds = Max(seconds, days_to_year(1) * SECONDS_A_DAY);
	seconds = Min(seconds, days_to_year(10000) * SECONDS_A_DAY - 1);
	days = seconds / SECONDS_A_DAY - (seconds % SECONDS_A_DAY < 0);
	rest = (int) (seconds - days * SECONDS_A_DAY);
	/* Never later than the true year, and a few dozen years earlier at most. */
	year = Max(1970 + days / (days < 0 ? 365 : 366) - 1, 1);
	while (days_to_year(year + 1) <= days)
		year++;
	days -= days_to_year(year);
	while (days_before[month + 1] + (month > 0 && is_leap(year)) <= days)
		month++;
	fields[0] = (int) year;
	fields[1] = month + 1;
	fields[2] = (int) (days - days_before[month] - (month > 1 && is_leap(year))) + 1;
	fields[3] = rest / 3600;
	fields[4] = rest / 60 % 60;
	fields[5] = rest % 60;
}

ASN1_TIME *
castssl_asn1_time(int64 seconds)
{
	int f[6];
	char text[80];
	ASN1_TIME *time = ASN1_TIME_new();

	split(seconds, f);
	snprintf(text, sizeof(text), "%04d%02d%02d%02d%02d%02dZ", f[0], f[1], f[2], f[3], f[4], f[5]);
	/* RFC 5280, section 4.1.2.5: two digits for the year until 2049. */
	if (time != NULL && !ASN1_TIME_set_string(time, f[0] >= 1950 && f[0] <= 2049 ? text + 2 : text))
	{
		/* LCOV_EXCL_START: the text is valid, so only out of memory */
		ASN1_TIME_free(time);
		time = NULL;
		/* LCOV_EXCL_STOP */
	}
	return time;
}

char *
castssl_instant_text(int64 seconds)
{
	int f[6];

	split(seconds, f);
	return psprintf("%04d-%02d-%02d %02d:%02d:%02d UTC", f[0], f[1], f[2], f[3], f[4], f[5]);
}
