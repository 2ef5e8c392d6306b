/*
 * terms.h
 *		Could the client of a session connect again with other TLS settings of the server?
 *
 * These settings ("terms") are protocol versions, ciphers and groups.  A session shows which
 * version and cipher it uses.  Only for the caller's own session OpenSSL keeps everything that
 * the client offered.  PostgreSQL: be_tls_init.
 */
#ifndef CASTSSL_TLS_TERMS_H
#define CASTSSL_TLS_TERMS_H

typedef struct CastsslTlsTerms
{
	const char *min_version; /* "TLSv1.2"; "": no limit; so too max_version */
	const char *max_version;
	const char *ciphers; /* up to TLS 1.2 */
	const char *suites;  /* of TLS 1.3; "": OpenSSL's default */
	const char *groups;  /* separated by colons */
	bool prefers;        /* the server's order decides, not the client's */
} CastsslTlsTerms;

/* What is known about a client. */
typedef struct CastsslTlsPast
{
	const char *version; /* of its session: "TLSv1.3" */
	const char *cipher;  /* of its session, OpenSSL's name */
	/* everything that it offered, separated by colons; NULL: unknown */
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
 * Could the client agree with the server again after the terms change from before to after?  If
 * the answer is not CASTSSL_TLS_AGREES, *reason is set to a sentence (palloc'd).
 */
extern CastsslTlsAnswer castssl_tls_terms_judge(const CastsslTlsTerms *before,
												const CastsslTlsTerms *after,
												const CastsslTlsPast *past, char **reason);

#endif
