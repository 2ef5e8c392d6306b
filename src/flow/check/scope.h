/*
 * scope.h
 *		What the checks of an audit look at, read once; and how they report.
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
	const char *check; /* name of the check that runs */
	int target_version;
	bool ssl;                 /* in effect */
	bool ca_configured;       /* ssl_ca_file is not empty */
	CastsslMaterial material; /* what the parameters in effect name; unreadable files are absent */
	const char *material_problem[CASTSSL_NROLES]; /* why one could not be read; NULL: it could */
	CastsslCertificates authorities;              /* of the CA file */
	const char *parameter_problem; /* in postgresql.conf and what it includes; NULL: none */
	CastsslHbaPolicy *policy;      /* pg_hba.conf on disk */
	CastsslFindings hba_findings;  /* what the server's own parser says of it */
	bool *dead;                    /* by rule of policy */
	int **because;
	int *nbecause;
	CastsslSession *sessions;
	int nsessions;
} CastsslAuditScope;

/*
 * Read all that the checks look at into a scope whose findings are set; and run
 * them.  material holds the private key: wipe it afterwards.  castssl_audit does
 * all three.
 */
extern void castssl_audit_read(CastsslAuditScope *scope, int target_version);
extern void castssl_audit_run(CastsslAuditScope *scope);

/* Report under the name of the running check.  Strings are kept. */
extern void castssl_audit_report(CastsslAuditScope *scope, CastsslSeverity severity,
								 const char *subject, const char *message, const char *hint);

/* Is the client at this address not this host itself?  family 0: a Unix-domain socket. */
extern bool castssl_audit_is_remote(uint8 family, const uint8 *address);

/* Can a client on another host reach this rule? */
extern bool castssl_audit_rule_is_remote(const CastsslHbaRule *rule);

/* Does the i-th rule of policy let other hosts in without encryption? */
extern bool castssl_audit_admits_plaintext(const CastsslAuditScope *scope, int i);

/* "path:line" of a rule. */
extern char *castssl_audit_rule_name(const CastsslAuditScope *scope, const CastsslHbaRule *rule);

/* What to type for TLS to be on: less where certificate and key are in place. */
extern const char *castssl_audit_tls_on_hint(const CastsslAuditScope *scope);

/* The checks, in the files audit_layers.c, audit_files.c, audit_hba.c, audit_ident.c and
 * audit_live.c. */
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
