/*
 * instant.h
 *		Points in time in certificates: ASN.1 times as seconds, and as text.
 *
 * The calendar is OpenSSL's.  Certificates reach the year 9999, time_t does not on
 * every platform, and timegm does not exist on every platform.
 */
#ifndef CASTSSL_TLS_INSTANT_H
#define CASTSSL_TLS_INSTANT_H

#include <openssl/asn1.h>

/*
 * Set *seconds to a UTCTime or GeneralizedTime as seconds since 1970-01-01 00:00 UTC.  False
 * if time is NULL or invalid.
 */
extern bool castssl_asn1_seconds(const ASN1_TIME *time, int64 *seconds);

/*
 * The reverse, in the form of RFC 5280: UTCTime until 2049.  A time outside of the years 1900
 * to 9999 becomes the nearest one inside.  The caller frees it.  NULL: out of memory.
 */
extern ASN1_TIME *castssl_asn1_time(int64 seconds);

/*
 * "2026-01-31 12:00:00 UTC", in the same range of years; palloc'd.  In a server it is in the
 * session's time zone (base/clock.h).
 */
extern char *castssl_instant_text(int64 seconds);

#endif
