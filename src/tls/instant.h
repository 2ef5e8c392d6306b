/*
 * instant.h
 *		Instants of certificates: ASN.1 times as seconds, and as text.
 *
 * Plain 64-bit arithmetic in the Gregorian calendar, because certificates go
 * to the year 9999, time_t does not everywhere, and timegm is not everywhere.
 */
#ifndef CASTSSL_TLS_INSTANT_H
#define CASTSSL_TLS_INSTANT_H

#include <openssl/asn1.h>

/*
 * The instant of a UTCTime or GeneralizedTime as seconds since 1970-01-01
 * 00:00 UTC; false when it is none.
 */
extern bool castssl_asn1_seconds(const ASN1_TIME *time, int64 *seconds);

/* The other way round, as RFC 5280 wants it: UTCTime until 2049.  NULL: out of memory. */
extern ASN1_TIME *castssl_asn1_time(int64 seconds);

/* "2026-01-31 12:00:00 UTC"; palloc'd. */
extern char *castssl_instant_text(int64 seconds);

#endif
