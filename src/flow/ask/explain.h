/*
 * explain.h
 *		What the server would do with a connection, and why.
 */
#ifndef CASTSSL_FLOW_ASK_EXPLAIN_H
#define CASTSSL_FLOW_ASK_EXPLAIN_H

#include "flow/ask/question.h"

typedef enum CastsslVerdict
{
	CASTSSL_ACCEPTED,     /* nothing more is needed (trust, or the certificate is enough) */
	CASTSSL_AUTHENTICATE, /* a password or another proof decides */
	CASTSSL_REFUSED
} CastsslVerdict;

typedef struct CastsslExplanation
{
	CastsslVerdict verdict;
	/* the verdict of the line alone, without checks of the role, its password and the database */
	CastsslVerdict line_verdict;
	bool certain; /* no line above may answer instead */
	/* why it is unknown whether the client gets that far, a sentence; NULL: it does */
	const char *unknown;
	bool late;        /* refused only after the line's method ran: because of a name or a role */
	int rule;         /* index in the policy; -1: no line answers */
	const char *text; /* the line, with physical lines joined; NULL without one */
	/* sentences; a text line for each line of pg_hba.conf that does not match */
	const char *reason;
} CastsslExplanation;

extern const char *castssl_verdict_name(CastsslVerdict verdict);

/*
 * Judge one connection.  Reads the CA and CRL in force, and pg_ident.conf, if they
 * matter, and what the catalogs say of the role and the database. 22023 if certificate is not a
 * certificate.  Palloc'd.
 */
extern void castssl_explain(const CastsslQuestion *question, CastsslExplanation *explanation);

#endif
