/*
 * check.c
 *		All the checks: everything that is wrong at this moment.
 */
#include "postgres.h"

#include "base/compat.h"
#include "change/attempt.h"
#include "flow/check/check.h"
#include "flow/check/scope.h"
#include "hba/access/dead.h"
#include "server/hba_files.h"
#include "server/loader.h"
#include "server/parameters.h"
#include "server/world.h"

/* The order of the rows.  The names are part of the interface. */
static const struct
{
	const char *name;
	CastsslAuditCheck run;
} checks[] = {
	{ "served_matches_disk", castssl_audit_served_matches_disk },
	{ "parameters_in_effect", castssl_audit_parameters_in_effect },
	{ "hba_in_effect", castssl_audit_hba_in_effect },
	{ "restart_safe", castssl_audit_restart_safe },
	{ "ssl_enabled", castssl_audit_ssl_enabled },
	{ "parameters_changeable", castssl_audit_parameters_changeable },
	{ "protocol_version", castssl_audit_protocol_version },
	{ "ciphers", castssl_audit_ciphers },
	{ "passphrase", castssl_audit_passphrase },
	{ "listen_addresses", castssl_audit_listen_addresses },
	{ "files_readable", castssl_audit_files_readable },
	{ "key_permissions", castssl_audit_key_permissions },
	{ "symbolic_links", castssl_audit_symbolic_links },
	{ "ca_key", castssl_audit_ca_key },
	{ "key_copies", castssl_audit_key_copies },
	{ "certificates", castssl_audit_certificates },
	{ "hba_loads", castssl_audit_hba_loads },
	{ "hba_dead_rules", castssl_audit_hba_dead_rules },
	{ "hba_order", castssl_audit_hba_order },
	{ "hba_plaintext", castssl_audit_hba_plaintext },
	{ "hba_trust", castssl_audit_hba_trust },
	{ "hba_password", castssl_audit_hba_password },
	{ "hba_md5", castssl_audit_hba_md5 },
	{ "hba_tls_off", castssl_audit_hba_tls_off },
	{ "hba_clientcert", castssl_audit_hba_clientcert },
	{ "hba_cert_users", castssl_audit_hba_cert_users },
	{ "hba_superusers", castssl_audit_hba_superusers },
	{ "hba_replication", castssl_audit_hba_replication },
	{ "hba_future", castssl_audit_hba_future },
	{ "changes", castssl_audit_changes },
	{ "edited_since", castssl_audit_edited_since },
	{ "managed_elsewhere", castssl_audit_managed },
	{ "sessions_plaintext", castssl_audit_sessions_plaintext },
	{ "sessions_ca", castssl_audit_sessions_ca },
	{ "ca_rotation", castssl_audit_ca_rotation },
	{ "standby", castssl_audit_standby },
};

void
castssl_audit_report(CastsslAuditScope *scope, CastsslSeverity severity, const char *subject,
					 const char *message, const char *hint)
{
	castssl_finding_add(scope->findings, severity, scope->check, subject, message, NULL, hint);
}

bool
castssl_audit_is_remote(uint8 family, const uint8 *address)
{
	static const uint8 own[16] = { [15] = 1 };

	if (family == 4)
		return address[0] != 127;
	return family == 6 && memcmp(address, own, sizeof(own)) != 0;
}

char *
castssl_audit_rule_name(const CastsslAuditScope *scope, const CastsslHbaRule *rule)
{
	return psprintf("%s:%d", scope->policy->files[rule->file]->path, rule->line_number);
}

typedef struct ReadRole
{
	CastsslMaterial *material;
	CastsslRole role;
} ReadRole;

static void
read_configured(void *arg)
{
	ReadRole *read = arg;

	castssl_material_configured(read->material, read->role,
								castssl_parameter_value(castssl_role_parameter(read->role)));
}

/* Read one file of the material; why not, where that fails. */
static void
read_role(CastsslAuditScope *scope, CastsslRole role)
{
	ReadRole read = { .material = &scope->material, .role = role };
	ErrorData *error = castssl_attempt(read_configured, &read);

	if (error)
	{
		scope->material_problem[role] = error->message;
		scope->material.files[role].path = NULL;
	}
}

/* The checks of certificates report what is wrong with them. */
static void
read_authorities(CastsslAuditScope *scope)
{
	const CastsslMaterialFile *ca = &scope->material.files[CASTSSL_ROLE_CA];
	CastsslFindings findings = { 0 };

	if (ca->path)
		(void) castssl_certificates_read(ca->data, ca->length, ca->name, &scope->authorities,
										 &findings);
}

void
castssl_audit_read(CastsslAuditScope *scope, int target_version)
{
	scope->target_version = target_version ? target_version : CASTSSL_NEWEST_MAJOR;
	scope->ssl = castssl_tls_is_on();
	scope->ca_configured = castssl_ca_is_configured();
	for (int role = 0; role < CASTSSL_NROLES; role++)
		read_role(scope, role);
	read_authorities(scope);
	scope->parameter_problem = castssl_parameter_file_problem();
	scope->policy = castssl_hba_files_read(NULL, 0);
	(void) castssl_loader_check_hba(HbaFileName, false, &scope->hba_findings);
	scope->dead = palloc0(Max(scope->policy->nrules, 1) * sizeof(bool));
	scope->because = palloc0(Max(scope->policy->nrules, 1) * sizeof(int *));
	scope->nbecause = palloc0(Max(scope->policy->nrules, 1) * sizeof(int));
	castssl_hba_find_dead(scope->policy, scope->ssl, castssl_hba_world(), scope->dead,
						  scope->because, scope->nbecause);
	scope->sessions = castssl_sessions_read(&scope->nsessions);
}

void
castssl_audit_run(CastsslAuditScope *scope)
{
	for (int i = 0; i < lengthof(checks); i++)
	{
		int before = scope->findings->count;

		scope->check = checks[i].name;
		checks[i].run(scope);
		if (scope->findings->count == before)
			castssl_audit_report(scope, CASTSSL_OK, NULL, "nothing found", NULL);
	}
}

void
castssl_audit(int target_version, CastsslFindings *findings)
{
	CastsslAuditScope scope = { .findings = findings };

	castssl_audit_read(&scope, target_version);
	castssl_audit_run(&scope);
	castssl_material_wipe(&scope.material);
}
