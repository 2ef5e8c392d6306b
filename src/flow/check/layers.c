/*
 * layers.c
 *		Checks of the four layers (on disk, configured, loaded, served) and of the TLS
 *		parameters.
 */
#include "postgres.h"

#include <sys/stat.h>

#include <openssl/ssl.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "base/words.h"
#include "flow/ask/guard.h"
#include "flow/ask/impact.h"
#include "flow/ask/unloaded.h"
#include "flow/check/checks.h"
#include "flow/check/reload.h"
#include "server/disk/closed.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/restart.h"
#include "server/unreadable.h"
#include "tls/ciphers.h"
#include "tls/key.h"
#include "tls/openssl.h"

#define MOST_CIPHERS 3 /* named in one row */

/* A server does not tell which CAs and CRLs it has loaded, so the time of the file decides. */
static void
report_if_not_loaded(CastsslCheckScope *scope, CastsslRole role)
{
	const CastsslMaterialFile *file = &scope->material.files[role];

	if (file->path && castssl_unloaded_role(role))
		castssl_check_report_reload(scope, CASTSSL_WARNING, file->name,
									"the file changed after the last reload: the server checks "
									"client certificates against the old file");
}

void
castssl_check_served_matches_disk(CastsslCheckScope *scope)
{
	const CastsslMaterialFile *file = &scope->material.files[CASTSSL_ROLE_CERTIFICATE];
	char *problem = NULL;
	char *served;

	if (!scope->ssl || !castssl_probe_possible())
		return;
	served = castssl_probe_certificate(castssl_verify_timeout, &problem);
	if (served == NULL)
		castssl_check_report_reload(
			scope, CASTSSL_ERROR, "served certificate",
			psprintf("no TLS handshake with the server's own port: %s", problem));
	else if (file->path && castssl_material_is_not_on_disk(served))
		castssl_check_report_reload(
			scope, CASTSSL_ERROR, file->name,
			psprintf("clients get another certificate (SHA-256 " CASTSSL_SHORT_FINGERPRINT
					 ") than the one on disk",
					 served));
	report_if_not_loaded(scope, CASTSSL_ROLE_CA);
	report_if_not_loaded(scope, CASTSSL_ROLE_CRL);
}

/* What to type about values that wait: what would be wrong with them comes first. */
static const char *
hint_of_values(void)
{
	char *problem = castssl_check_before_reload(CASTSSL_TLS_READ);

	if (problem)
		return psprintf("A reload would put this into effect: %s", problem);
	return psprintf("To keep what is in effect: %s  To load it: " CASTSSL_CHECK_RELOAD,
					castssl_unloaded_keep_statements(castssl_parameters_waiting()));
}

/* Report every ssl parameter whose value on disk is not the one in effect. */
void
castssl_check_parameters_in_effect(CastsslCheckScope *scope)
{
	char *names;
	ListCell *cell;

	foreach (cell, scope->unreadable)
		castssl_check_report(
			scope, CASTSSL_ERROR, lfirst(cell),
			psprintf("cannot be read: %s", castssl_unreadable_effect(lfirst(cell))),
			castssl_closed_hint(lfirst(cell)));
	if (scope->unreadable != NIL)
		return;
	if (scope->parameter_problem)
		castssl_check_report(scope, CASTSSL_ERROR, "postgresql.conf", scope->parameter_problem,
							 "Correct that line, then: " CASTSSL_CHECK_RELOAD);
	names = castssl_parameters_not_in_effect();
	if (names)
		castssl_check_report(scope, CASTSSL_WARNING, names,
							 "the value in the configuration files is not in effect",
							 castssl_unloaded_turns_tls_off()
								 ? "To keep TLS, which the next reload turns off: ALTER SYSTEM SET "
								   "ssl = on;  To turn it off: " CASTSSL_CHECK_RELOAD
								 : hint_of_values());
}

/* What to type about a file of rules or maps that is not loaded; who would lose comes first. */
static const char *
hint_to_load(CastsslCheckScope *scope, const char *path)
{
	CastsslLosses losses = { 0 };
	const char *look;

	if (scope->hba_findings.count > 0)
		return "First correct the lines that the server refuses: see the rows hba_loads.";
	look = strcmp(path, IdentFileName) == 0
			   ? "Whoever the file maps to a role can log in as that role: read it first."
			   : "Who gets in by it: SELECT * FROM castssl_hba_rules();";
	castssl_impact_losses_by_reload(scope->policy, &losses);
	return psprintf(
		"%s%s%s  To load it: " CASTSSL_CHECK_RELOAD "  Otherwise put the file back as it was.",
		look,
		losses.count > 0
			? "  After a reload, clients that are connected now could not connect again.  "
			: "",
		losses.count > 0 ? castssl_guard_detail(&losses) : "");
}

void
castssl_check_hba_in_effect(CastsslCheckScope *scope)
{
	ListCell *cell;

	foreach (cell, scope->unloaded_rules)
		castssl_check_report(scope, CASTSSL_WARNING, lfirst(cell),
							 "the file changed after the last reload",
							 hint_to_load(scope, lfirst(cell)));
}

/* Is the key encrypted?  Then loading it would run ssl_passphrase_command. */
static bool
key_is_encrypted(const CastsslCheckScope *scope)
{
	CastsslPem key = castssl_material_pem(&scope->material, CASTSSL_ROLE_KEY);

	return key.data && castssl_key_is_encrypted(&key);
}

const char *
castssl_check_tls_on_hint(const CastsslCheckScope *scope)
{
	bool in_place = scope->material.files[CASTSSL_ROLE_CERTIFICATE].path &&
					scope->material.files[CASTSSL_ROLE_KEY].path;

	if (scope->unreadable != NIL)
		return CASTSSL_CHECK_READABLE_FIRST;
	return castssl_check_hint_that_loads(
		scope, in_place
				   ? "ALTER SYSTEM SET ssl = on; " CASTSSL_CHECK_RELOAD
				   : "Put server.crt, server.key and root.crt into a folder of the server, such "
					 "as /etc/postgresql/tls, then: SELECT * FROM castssl_enable(source_dir => "
					 "'/etc/postgresql/tls', confirm_within => '10 min');");
}

/* The statement that installs the CA: where a file lies beside the certificate, that one. */
static const char *
install_ca(const CastsslCheckScope *scope)
{
	static const char *const usual[] = { "root.crt", "ca.crt" };
	const char *certificate = scope->material.files[CASTSSL_ROLE_CERTIFICATE].path;

	for (int i = 0; certificate && i < lengthof(usual); i++)
	{
		char *path = castssl_path_in(castssl_path_folder(certificate), usual[i]);
		struct stat st;

		if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
			return castssl_hint_with("SELECT * FROM castssl_enable(ca_file => %s, confirm_within "
									 "=> '10 min');",
									 castssl_sql_literal(path));
	}
	return "Put the CA's certificate on the server and name it: SELECT * FROM "
		   "castssl_enable(ca_file => '...', "
		   "confirm_within => '10 min');";
}

const char *
castssl_check_ca_hint(const CastsslCheckScope *scope)
{
	return castssl_check_hint_that_loads(scope, install_ca(scope));
}

void
castssl_check_ssl_enabled(CastsslCheckScope *scope)
{
	if (!scope->ssl)
		castssl_check_report(scope, CASTSSL_ERROR, "ssl", "TLS is off",
							 castssl_check_tls_on_hint(scope));
}

void
castssl_check_parameters_changeable(CastsslCheckScope *scope)
{
	static const char *const names[] = { "ssl", "ssl_cert_file", "ssl_key_file", "ssl_ca_file",
										 "ssl_crl_file" };

	for (int i = 0; i < lengthof(names) && scope->unreadable == NIL; i++)
	{
		const char *why = castssl_parameter_unchangeable(names[i]);

		if (why == NULL)
			continue;
		castssl_check_report(scope, CASTSSL_INFO, names[i],
							 psprintf("ALTER SYSTEM cannot change it: %s", why),
							 "Change it where the server is managed from.");
	}
}

void
castssl_check_protocol_version(CastsslCheckScope *scope)
{
	char *version = castssl_parameter_value("ssl_min_protocol_version");

	if (strcmp(version, "TLSv1.2") != 0 && strcmp(version, "TLSv1.3") != 0)
		castssl_check_report_set(
			scope, CASTSSL_ERROR, "ssl_min_protocol_version", "ssl_min_protocol_version",
			psprintf("protocols before TLSv1.2 are allowed ('%s')", version), "'TLSv1.2'");
}

/* One row for the setting, no matter how many weak ciphers it allows. */
void
castssl_check_ciphers(CastsslCheckScope *scope)
{
	char *list = castssl_parameter_value("ssl_ciphers");
	SSL_CTX *context = castssl_ciphers_of(list);
	STACK_OF(SSL_CIPHER) *ciphers = context ? SSL_CTX_get_ciphers(context) : NULL;
	StringInfoData weak;
	int count = 0;

	initStringInfo(&weak);
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
	{
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
		const char *why = castssl_cipher_weakness(cipher);

		if (why && count++ < MOST_CIPHERS)
			appendStringInfo(&weak, "%s%s %s", weak.len ? ", " : "cipher ",
							 SSL_CIPHER_get_name(cipher), why);
	}
	if (count > MOST_CIPHERS)
		appendStringInfo(&weak, ", and %d more", count - MOST_CIPHERS);
	if (context == NULL)
		appendStringInfo(&weak, "no cipher is left: %s", castssl_openssl_error());
	if (weak.len > 0)
		castssl_check_report_set(scope, CASTSSL_ERROR, "ssl_ciphers", "ssl_ciphers", weak.data,
								 castssl_sql_literal(castssl_ciphers_strong(list)));
	SSL_CTX_free(context);
}

void
castssl_check_passphrase(CastsslCheckScope *scope)
{
	if (castssl_parameter_value("ssl_passphrase_command")[0] != '\0' &&
		strcmp(castssl_parameter_value("ssl_passphrase_command_supports_reload"), "on") != 0 &&
		key_is_encrypted(scope))
		castssl_check_report_set(scope, CASTSSL_WARNING, "ssl_passphrase_command_supports_reload",
								 "ssl_passphrase_command_supports_reload",
								 "a reload does not load a new certificate: the key is encrypted, "
								 "and the server asks for its passphrase only at the start",
								 "on");
}

void
castssl_check_listen_addresses(CastsslCheckScope *scope)
{
	if (!castssl_probe_possible())
		castssl_check_report(
			scope, CASTSSL_INFO, "listen_addresses",
			"the server has no TCP port: nobody can use TLS, and no change can be proven",
			castssl_parameter_restart_hint("listen_addresses", "'localhost'"));
}
