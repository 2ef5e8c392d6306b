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
 * The instant of a UTCTime or GeneralizedTime as seconds since 1970-01-01
 * 00:00 UTC; false when it is none.
 */
extern bool castssl_asn1_seconds(const ASN1_TIME *time, int64 *seconds);

/*
 * The reverse, in the form of RFC 5280: UTCTime until 2049.  A time outside of the years 1900
 * to 9999 becomes the nearest one inside.  NULL: out of memory.
 */
extern ASN1_TIME *castssl_asn1_time(int64 seconds);

/* "2026-01-31 12:00:00 UTC", in the same years; palloc'd. */
extern char *castssl_instant_text(int64 seconds);

#endif
