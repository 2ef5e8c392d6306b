/*
 * terms.h
 *		Could the client of a session agree with the server on other terms of TLS?
 *
 * The terms are protocol versions, ciphers and groups.  A session shows which of them it
 * came in with.  What else its client offers is known of the caller's own session alone,
 * where OpenSSL keeps the offer.  PostgreSQL: be_tls_init.
 */
#ifndef CASTSSL_TLS_TERMS_H
#define CASTSSL_TLS_TERMS_H

typedef struct CastsslTlsTerms
{
	const char *min_version; /* "TLSv1.2"; "": none, as with max_version */
	const char *max_version;
	const char *ciphers; /* up to TLS 1.2 */
	const char *suites;  /* of TLS 1.3; "": OpenSSL's own */
	const char *groups;  /* with colons between them */
	bool prefers;        /* the server's order counts, not the client's */
} CastsslTlsTerms;

/* What is known of a client. */
typedef struct CastsslTlsPast
{
	const char *version; /* that its session has, "TLSv1.3" */
	const char *cipher;  /* OpenSSL's name */
	/* all that it offered, with colons between them; NULL: unknown */
	const char *ciphers;
	const char *groups;
} CastsslTlsPast;

typedef enum CastsslTlsAnswer
{
	CASTSSL_TLS_AGREES,
	CASTSSL_TLS_DISAGREES,
	CASTSSL_TLS_UNKNOWN
} CastsslTlsAnswer;

/*
 * Could it come in again when the terms change from before to after?  *reason (palloc'd) is
 * set to a sentence, if the answer is not that it could.
 */
extern CastsslTlsAnswer castssl_tls_terms_judge(const CastsslTlsTerms *before,
												const CastsslTlsTerms *after,
												const CastsslTlsPast *past, char **reason);

#endif
