/*
 * scope.h
 *		The facts for all checks, read once, and how checks report.
 */
#ifndef CASTSSL_FLOW_CHECK_SCOPE_H
#define CASTSSL_FLOW_CHECK_SCOPE_H

#include "base/finding.h"
#include "flow/plan/material.h"
#include "hba/text/rule.h"
#include "server/sessions.h"
#include "tls/certificate.h"

typedef struct CastsslAuditScope
{
	CastsslFindings *findings;
	const char *check; /* name of the current check */
	int target_version;
	bool ssl;           /* in effect */
	bool ca_configured; /* ssl_ca_file is not empty */
	/* files that the parameters in effect name, without the unreadable ones */
	CastsslMaterial material;
	const char *material_problem[CASTSSL_NROLES]; /* why a file is unreadable; NULL: it was read */
	CastsslCertificates authorities;              /* of the CA file */
	/* in postgresql.conf and the files that it includes; NULL: none */
	const char *parameter_problem;
	CastsslHbaPolicy *policy;     /* pg_hba.conf on disk */
	CastsslFindings hba_findings; /* the errors of the server's own parser for it */
	bool *dead;                   /* by rule of policy */
	int **because;
	int *nbecause;
	CastsslSession *sessions;
	int nsessions;
} CastsslAuditScope;

/*
 * Read everything that the checks need into a scope whose findings are set, and run the
 * checks. material holds the private key: wipe it afterwards. castssl_audit does all
 * three.
 */
extern void castssl_audit_read(CastsslAuditScope *scope, int target_version);
extern void castssl_audit_run(CastsslAuditScope *scope);

/* Report under the name of the current check.  Keeps the strings. */
extern void castssl_audit_report(CastsslAuditScope *scope, CastsslSeverity severity,
								 const char *subject, const char *message, const char *hint);

/* Is the client at this address on another host? family 0: a Unix-domain socket. */
extern bool castssl_audit_is_remote(uint8 family, const uint8 *address);

/* Can a client on another host reach this rule? */
extern bool castssl_audit_rule_is_remote(const CastsslHbaRule *rule);

/* Does the i-th rule of policy admit other hosts without encryption? */
extern bool castssl_audit_admits_plaintext(const CastsslAuditScope *scope, int i);

/* "path:line" of a rule. */
extern char *castssl_audit_rule_name(const CastsslAuditScope *scope, const CastsslHbaRule *rule);

/* The statement that turns TLS on: shorter if certificate and key are in place. */
extern const char *castssl_audit_tls_on_hint(const CastsslAuditScope *scope);

/* One check.  The checks are in layers.c, files.c, rules.c, ident.c and live.c. */
typedef void (*CastsslAuditCheck)(CastsslAuditScope *scope);

extern void castssl_audit_served_matches_disk(CastsslAuditScope *scope);
extern void castssl_audit_parameters_in_effect(CastsslAuditScope *scope);
extern void castssl_audit_hba_in_effect(CastsslAuditScope *scope);
extern void castssl_audit_restart_safe(CastsslAuditScope *scope);
extern void castssl_audit_ssl_enabled(CastsslAuditScope *scope);
extern void castssl_audit_parameters_changeable(CastsslAuditScope *scope);
extern void castssl_audit_protocol_version(CastsslAuditScope *scope);
extern void castssl_audit_ciphers(CastsslAuditScope *scope);
extern void castssl_audit_passphrase(CastsslAuditScope *scope);
extern void castssl_audit_listen_addresses(CastsslAuditScope *scope);

extern void castssl_audit_files_readable(CastsslAuditScope *scope);
extern void castssl_audit_key_permissions(CastsslAuditScope *scope);
extern void castssl_audit_symbolic_links(CastsslAuditScope *scope);
extern void castssl_audit_ca_key(CastsslAuditScope *scope);
extern void castssl_audit_key_copies(CastsslAuditScope *scope);
extern void castssl_audit_certificates(CastsslAuditScope *scope);

extern void castssl_audit_hba_loads(CastsslAuditScope *scope);
extern void castssl_audit_hba_dead_rules(CastsslAuditScope *scope);
extern void castssl_audit_hba_order(CastsslAuditScope *scope);
extern void castssl_audit_hba_plaintext(CastsslAuditScope *scope);
extern void castssl_audit_hba_trust(CastsslAuditScope *scope);
extern void castssl_audit_hba_password(CastsslAuditScope *scope);
extern void castssl_audit_hba_md5(CastsslAuditScope *scope);
extern void castssl_audit_hba_tls_off(CastsslAuditScope *scope);
extern void castssl_audit_hba_clientcert(CastsslAuditScope *scope);
extern void castssl_audit_hba_cert_users(CastsslAuditScope *scope);
extern void castssl_audit_hba_superusers(CastsslAuditScope *scope);
extern void castssl_audit_hba_replication(CastsslAuditScope *scope);
extern void castssl_audit_hba_future(CastsslAuditScope *scope);

extern void castssl_audit_changes(CastsslAuditScope *scope);
extern void castssl_audit_edited_since(CastsslAuditScope *scope);
extern void castssl_audit_managed(CastsslAuditScope *scope);
extern void castssl_audit_sessions_plaintext(CastsslAuditScope *scope);
extern void castssl_audit_sessions_ca(CastsslAuditScope *scope);
extern void castssl_audit_ca_rotation(CastsslAuditScope *scope);
extern void castssl_audit_standby(CastsslAuditScope *scope);

#endif
