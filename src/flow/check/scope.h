/*
 * scope.h
 *		The facts for all checks, read once, and how checks report.
 */
#ifndef CASTSSL_FLOW_CHECK_SCOPE_H
#define CASTSSL_FLOW_CHECK_SCOPE_H

#include "nodes/pg_list.h"

#include "base/finding.h"
#include "flow/plan/material.h"
#include "hba/match/match.h"
#include "hba/text/rule.h"
#include "server/sessions.h"
#include "tls/certificate.h"

typedef struct CastsslCheckScope
{
	CastsslFindings *findings;
	const char *check;     /* name of the current check */
	CastsslSeverity worst; /* the worst that this check may report */
	int target_version;
	bool version_asked; /* somebody wants to know about target_version */
	bool ssl;           /* in effect */
	bool ca_configured; /* ssl_ca_file is not empty */
	/* files that the parameters in effect name, without the unreadable ones */
	CastsslMaterial material;
	const char *material_problem[CASTSSL_NROLES]; /* why a file is unreadable; NULL: it was read */
	const char *material_hint[CASTSSL_NROLES];    /* what to do about that; may be NULL */
	List *unread;                                 /* why other facts are not known: messages */
	bool judged;                                  /* false: the judgement could not be made */
	CastsslFindings judgement;                    /* of certificates, keys, CAs and CRLs */
	CastsslCertificates authorities;              /* of the CA file */
	/* in postgresql.conf and the files that it includes; NULL: none */
	const char *parameter_problem;
	CastsslHbaPolicy *policy;     /* pg_hba.conf on disk */
	CastsslFindings hba_findings; /* the errors of the server's own parser for it */
	bool *dead;                   /* by rule of policy */
	int **because;
	int *nbecause;
	const CastsslHbaWorld *world; /* NULL: nobody needed it yet; so are the roles */
	const char **md5_roles;
	int nmd5_roles;
	const char **other_roles; /* without a secret of SCRAM */
	int nother_roles;
	CastsslSession *sessions;
	int nsessions;
} CastsslCheckScope;

/*
 * Read everything that the checks need into a scope whose findings are set, and run the
 * checks.  material holds the private key, which is wiped with its memory context.
 * castssl_check_all does both.
 */
extern void castssl_check_read(CastsslCheckScope *scope, int target_version);
extern void castssl_check_run(CastsslCheckScope *scope);

/* The part of castssl_check_read that is about the files of TLS, and judges them. */
extern void castssl_check_read_files(CastsslCheckScope *scope);

/*
 * Report under the name of the current check.  Keeps the strings.  Where the last finding says the
 * same of another line of the same file, the line is added to its subject.
 */
extern void castssl_check_report(CastsslCheckScope *scope, CastsslSeverity severity,
								 const char *subject, const char *message, const char *hint);

/*
 * The same with SQL that is safe to run as it stands, and is the hint as well.  It does what the
 * finding is about and nothing else, lets nobody in, and is taken back unless somebody confirms
 * where it could shut anybody out.
 */
extern void castssl_check_report_fix(CastsslCheckScope *scope, CastsslSeverity severity,
									 const char *subject, const char *message, const char *fix);

/*
 * Report what a reload ends.  It is no fix where the reload would bring a file that does not do,
 * which the hint then names, or rules that somebody has edited, or would shut out who is connected.
 */
extern void castssl_check_report_reload(CastsslCheckScope *scope, CastsslSeverity severity,
										const char *subject, const char *message);

/*
 * Report a parameter that ALTER SYSTEM mends; value: as SQL, NULL: not to be pasted.  Where it
 * cannot, the hint says where to change it.
 */
extern void castssl_check_report_set(CastsslCheckScope *scope, CastsslSeverity severity,
									 const char *subject, const char *parameter,
									 const char *message, const char *value);

/* Is the client at this address on another host? family 0: a Unix-domain socket. */
extern bool castssl_check_is_remote(uint8 family, const uint8 *address);

/* Can a client on another host reach this rule? */
extern bool castssl_check_rule_is_remote(const CastsslHbaRule *rule);

/* Does the i-th rule of policy admit other hosts without encryption? */
extern bool castssl_check_admits_plaintext(const CastsslCheckScope *scope, int i);

/* "file:line" of a rule, with the path where it is not the main file. */
extern char *castssl_check_rule_name(const CastsslCheckScope *scope, const CastsslHbaRule *rule);

/* The same for every rule that is marked: "pg_hba.conf:4, 7, 9"; NULL: none is. */
extern char *castssl_check_rule_names(const CastsslCheckScope *scope, const bool *marked);

/* The statement that turns TLS on: shorter if certificate and key are in place. */
extern const char *castssl_check_tls_on_hint(const CastsslCheckScope *scope);

/* The statement that names a CA file; with its name, where one lies beside the certificate. */
extern const char *castssl_check_ca_hint(const CastsslCheckScope *scope);

#endif
