/*
 * explain.h
 *		What the server would do with a connection, and why.
 */
#ifndef CASTSSL_FLOW_ASK_EXPLAIN_H
#define CASTSSL_FLOW_ASK_EXPLAIN_H

#include "hba/match/match.h"

typedef enum CastsslVerdict
{
	CASTSSL_ACCEPTED,     /* no more is asked (trust, or a certificate that is enough) */
	CASTSSL_AUTHENTICATE, /* a password or the like decides */
	CASTSSL_REFUSED
} CastsslVerdict;

/* What a connection is judged by. */
typedef struct CastsslQuestion
{
	CastsslConnection connection;
	const char *address;     /* the client's, as text; NULL: a Unix-domain socket */
	const char *certificate; /* PEM that the client shows; NULL: see shows_certificate */
	bool shows_certificate;  /* it shows one that the CA in force accepts */
	const char *cn;          /* of that one; NULL: not known */
	const CastsslHbaPolicy *policy;
	const CastsslHbaWorld *world;
	bool tls;    /* the server offers TLS */
	bool has_ca; /* and has CAs to check client certificates with */
	bool brief;  /* no word on the lines above */
	bool show_secrets;
} CastsslQuestion;

typedef struct CastsslExplanation
{
	CastsslVerdict verdict;
	int rule;           /* index in the policy; -1: no line answers */
	const char *text;   /* that line as the server joins it; NULL without one */
	const char *reason; /* sentences; a line for each line of pg_hba.conf that is passed */
} CastsslExplanation;

extern const char *castssl_verdict_name(CastsslVerdict verdict);

/*
 * Judge one connection.  Reads the CA and CRL in force, and pg_ident.conf, where
 * they matter.  22023 where certificate is not one.  Palloc'd.
 */
extern void castssl_explain(const CastsslQuestion *question, CastsslExplanation *explanation);

#endif
