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
	bool version_asked;               /* the caller asks about target_version */
	char *(*value)(const char *name); /* of a parameter; NULL: as in effect */
	bool ssl;
	bool ca_configured; /* ssl_ca_file is not empty */
	/* files that the parameters name, without the unreadable ones */
	CastsslMaterial material;
	const char *material_problem[CASTSSL_NROLES]; /* why a file is unreadable; NULL: it was read */
	const char *material_hint[CASTSSL_NROLES];    /* what to do about that; may be NULL */
	List *unreadable;                /* configuration files that the server may not read: paths */
	List *unread;                    /* why other facts are not known: ErrorData */
	bool judged;                     /* false: the judgement could not be made */
	CastsslFindings judgement;       /* of certificates, keys, CAs and CRLs */
	CastsslCertificates authorities; /* of the CA file */
	/* in postgresql.conf and the files that it includes; NULL: none */
	const char *parameter_problem;
	CastsslHbaPolicy *policy;        /* pg_hba.conf on disk */
	List *unloaded_rules;            /* files of rules and maps that nobody has loaded: paths */
	const char *unloaded_parameters; /* the same of parameters: a list of names; NULL: none */
	const char *unloaded_authority;  /* and of the CA or CRL file in use: its path */
	CastsslFindings hba_findings;    /* the errors of the server's own parser for it */
	const char
		*edits_wait; /* what must be done before the file can be edited, a hint; NULL: nothing */
	bool *dead;      /* by rule of policy */
	int **because;
	int *nbecause;
	const CastsslHbaWorld *world; /* NULL: not needed yet; the same for the roles */
	const char **md5_roles;
	int nmd5_roles;
	const char **other_roles; /* without a SCRAM secret */
	int nother_roles;
	const char **superusers; /* that may log in */
	int nsuperusers;
	const char **databases; /* that allow connections */
	int ndatabases;
	const char *misfit; /* why what is staged can no longer be applied; NULL: it can */
	List *forbidden;    /* names of our functions that the caller may not call */
	bool forbidden_known;
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

/*
 * The part of castssl_check_read that is about the files of TLS, and judges them.  value is set
 * before.
 */
extern void castssl_check_read_files(CastsslCheckScope *scope);

/* The value of a parameter that counts in this scope.  Palloc'd. */
extern char *castssl_check_value(const CastsslCheckScope *scope, const char *name);

/*
 * Report under the name of the current check.  Keeps the strings.  castssl_check_fold makes few
 * rows of many findings.
 */
extern void castssl_check_report(CastsslCheckScope *scope, CastsslSeverity severity,
								 const char *subject, const char *message, const char *hint);

/*
 * The same with SQL that is safe to run as it stands.  It is the fix and the hint, or the hint
 * alone if the caller may not run it.  It does what the finding is about and nothing else, and
 * admits nobody.  If it could shut anybody out, it is taken back unless somebody confirms.  There
 * is no fix while its reload would also load what somebody else has edited (see
 * castssl_check_unloaded_first).
 */
extern void castssl_check_report_fix(CastsslCheckScope *scope, CastsslSeverity severity,
									 const char *subject, const char *message, const char *fix);

/*
 * What must be seen to before a reload, a hint: an edit of somebody else that it would make live,
 * and the row that says more.  NULL: there is none.
 */
extern const char *castssl_check_unloaded_first(const CastsslCheckScope *scope);

/* The hint if it may be followed now, for it makes the server load its files; else what comes
 * first. */
extern const char *castssl_check_hint_that_loads(const CastsslCheckScope *scope, const char *hint);

/*
 * Report a finding that a reload ends.  The reload is not a fix if it would load a wrong file
 * (which the hint names), or rules or parameters that somebody has edited, or if it would shut
 * out connected clients.
 */
extern void castssl_check_report_reload(CastsslCheckScope *scope, CastsslSeverity severity,
										const char *subject, const char *message);

/*
 * Report a parameter that ALTER SYSTEM can correct.  value is SQL; NULL: it cannot be pasted, so
 * there is no hint.  If ALTER SYSTEM cannot change the parameter, the hint says where to change
 * it.
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

/* Does the i-th rule of policy admit other hosts by method md5? */
extern bool castssl_check_takes_md5(const CastsslCheckScope *scope, int i);

/* "file:line" of a rule, with the path if it is not in the main file. */
extern char *castssl_check_rule_name(const CastsslCheckScope *scope, const CastsslHbaRule *rule);

/* The same for every rule that is marked: "pg_hba.conf:4, 7, 9 and 21 more"; NULL: none is. */
extern char *castssl_check_rule_names(const CastsslCheckScope *scope, const bool *marked);

#define CASTSSL_CHECK_RELOAD "SELECT * FROM castssl_reload();"

/* The hint while scope->unreadable is not empty: nothing else can be done before. */
#define CASTSSL_CHECK_READABLE_FIRST                                                               \
	"First let the server read the files that rows parameters_in_effect name."

/* The statement that turns TLS on: shorter if certificate and key are in place. */
extern const char *castssl_check_tls_on_hint(const CastsslCheckScope *scope);

/* The statement that names a CA file; with its path if one lies beside the certificate. */
extern const char *castssl_check_ca_hint(const CastsslCheckScope *scope);

#endif
