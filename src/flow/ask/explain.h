/*
 * explain.h
 *		What the server would do with a connection, and why.
 */
#ifndef CASTSSL_FLOW_ASK_EXPLAIN_H
#define CASTSSL_FLOW_ASK_EXPLAIN_H

#include "hba/match/match.h"

typedef enum CastsslVerdict
{
	CASTSSL_ACCEPTED,     /* nothing more is needed (trust, or the certificate is enough) */
	CASTSSL_AUTHENTICATE, /* a password or another proof decides */
	CASTSSL_REFUSED
} CastsslVerdict;

/* The facts about a connection that decide. */
typedef struct CastsslQuestion
{
	CastsslConnection connection;
	const char *address;     /* of the client, as text; NULL: a Unix-domain socket */
	const char *certificate; /* PEM that the client shows; NULL: see shows_certificate */
	bool shows_certificate;  /* it shows a certificate that the CA in force accepts */
	const char *cn;          /* CN of that certificate; NULL: unknown */
	const CastsslHbaPolicy *policy;
	const CastsslHbaWorld *world;
	bool tls;    /* the server offers TLS */
	bool has_ca; /* and has CAs for checking client certificates */
	bool brief;  /* nothing about the lines above */
	bool show_secrets;
} CastsslQuestion;

typedef struct CastsslExplanation
{
	CastsslVerdict verdict;
	int rule;         /* index in the policy; -1: no line answers */
	const char *text; /* the line, with physical lines joined; NULL without one */
	/* sentences; a text line for each line of pg_hba.conf that does not match */
	const char *reason;
} CastsslExplanation;

extern const char *castssl_verdict_name(CastsslVerdict verdict);

/*
 * Judge one connection.  Reads the CA and CRL in force, and pg_ident.conf, if they
 * matter. 22023 if certificate is not a certificate.  Palloc'd.
 */
extern void castssl_explain(const CastsslQuestion *question, CastsslExplanation *explanation);

#endif
