/*
 * question.h
 *		The facts about a connection, and about the server, that decide who gets in.
 */
#ifndef CASTSSL_FLOW_ASK_QUESTION_H
#define CASTSSL_FLOW_ASK_QUESTION_H

#include "flow/plan/plan.h"
#include "hba/match/match.h"
#include "server/sessions.h"
#include "tls/client.h"
#include "tls/terms.h"

/* The facts about a connection that decide. */
typedef struct CastsslQuestion
{
	CastsslConnection connection;
	bool walsender;          /* for replication, physical or logical */
	const char *address;     /* of the client, as text; NULL: a Unix-domain socket */
	const char *certificate; /* PEM that the client shows; NULL: see shows_certificate */
	bool shows_certificate;  /* it shows a certificate that the CA in force accepts */
	const char *issuer;      /* of that certificate, as pg_stat_ssl has it; NULL: unknown */
	const char *serial;      /* of that certificate, decimal; NULL: unknown */
	const char *cn;          /* CN of that certificate, "" for none; NULL: unknown */
	const char *principal;   /* that GSSAPI authenticates; NULL: unknown */
	const char *account;     /* of the operating system that it runs as; NULL: unknown */
	CastsslTlsPast past;     /* how the client came in by TLS; version NULL: unknown */

	/* what the server uses: castssl_question_now or castssl_question_after sets it */
	const CastsslHbaPolicy *policy;
	bool tls;                        /* it offers TLS */
	bool has_ca;                     /* and has CAs for checking client certificates */
	const CastsslMaterial *material; /* CA and CRL; NULL: those in force */
	const CastsslRotation *rotation; /* how the CAs change; NULL: they do not */
	/* checked for a certificate of which only issuer and serial number are known; NULL: none */
	const CastsslCertificates *crls;
	const CastsslIssuers *issuers; /* the CAs, judged with these CRLs; NULL: unknown */
	const char *ciphers;           /* ssl_ciphers */
	/* versions, ciphers and groups before and after; NULL: they stay the same */
	const CastsslTlsTerms *terms_before;
	const CastsslTlsTerms *terms_after;

	const CastsslHbaWorld *world;
	bool brief; /* say nothing about the lines above */
	bool show_secrets;
	bool knows_secrets; /* the caller may know whether and how a password is stored for the role */
} CastsslQuestion;

/* Ask about the server as it is, with that policy. */
extern void castssl_question_now(CastsslQuestion *question, const CastsslHbaPolicy *policy);

/* Ask about the server as it will be when the plan is in effect. */
extern void castssl_question_after(CastsslQuestion *question, const CastsslPlan *plan);

/*
 * Ask about a new connection like that session.  Of its certificate only what the server's views
 * show is known; of the caller's own, the certificate itself.
 */
extern void castssl_question_session(CastsslQuestion *question, const CastsslSession *session);

#endif
