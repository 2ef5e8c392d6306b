/*
 * layers.c
 *		Checks of the four layers (on disk, configured, loaded, served) and of the TLS
 *		parameters.
 */
#include "postgres.h"

#include <openssl/ssl.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "flow/check/checks.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/reload.h"
#include "server/restart.h"
#include "tls/key.h"
#include "tls/openssl.h"

#define RELOAD "SELECT * FROM castssl_reload();"

/* A server does not tell which CAs and CRLs it has loaded, so the time of the file decides. */
static void
report_if_not_loaded(CastsslCheckScope *scope, CastsslRole role)
{
	const CastsslMaterialFile *file = &scope->material.files[role];

	if (file->path && castssl_reload_covers(file->name) == CASTSSL_NOT_LOADED)
		castssl_check_report(scope, CASTSSL_WARNING, file->name,
							 "the file changed after the last reload: client certificates are "
							 "checked against the one before",
							 RELOAD);
}

void
castssl_check_served_matches_disk(CastsslCheckScope *scope)
{
	const CastsslMaterialFile *file = &scope->material.files[CASTSSL_ROLE_CERTIFICATE];
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	char *problem = NULL;
	char *served;

	if (!scope->ssl || !castssl_probe_possible())
		return;
	served = castssl_probe_certificate(castssl_verify_timeout, &problem);
	if (served == NULL)
		castssl_check_report(scope, CASTSSL_ERROR, "served certificate",
							 psprintf("no TLS handshake with the server's own port: %s", problem),
							 RELOAD);
	else if (file->path &&
			 castssl_certificates_read_facts(file->data, file->length, file->name, &certificates,
											 &findings) &&
			 castssl_certificates_first(&certificates) != NULL &&
			 strcmp(served, castssl_certificates_first(&certificates)->fingerprint) != 0)
		castssl_check_report(
			scope, CASTSSL_ERROR, file->name,
			psprintf("clients get another certificate (SHA-256 %s) than the one on "
					 "disk",
					 served),
			RELOAD);
	report_if_not_loaded(scope, CASTSSL_ROLE_CA);
	report_if_not_loaded(scope, CASTSSL_ROLE_CRL);
}

/* Every ssl parameter whose value on disk is not the one in effect. */
void
castssl_check_parameters_in_effect(CastsslCheckScope *scope)
{
	char *names;

	if (scope->parameter_problem)
		castssl_check_report(scope, CASTSSL_ERROR, "postgresql.conf", scope->parameter_problem,
							 "Mend that line, then: " RELOAD);
	names = castssl_parameters_not_in_effect();
	if (names)
		castssl_check_report(scope, CASTSSL_WARNING, names,
							 "the value in the configuration files is not in effect", RELOAD);
}

void
castssl_check_hba_in_effect(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nfiles; i++)
	{
		const char *path = scope->policy->files[i]->path;

		if (castssl_reload_covers(path) == CASTSSL_NOT_LOADED)
			castssl_check_report(scope, CASTSSL_WARNING, path,
								 "the file changed after the last reload", RELOAD);
	}
}

/* Is the key encrypted?  Then loading it would run ssl_passphrase_command. */
static bool
key_is_encrypted(const CastsslCheckScope *scope)
{
	CastsslPem key = castssl_material_pem(&scope->material, CASTSSL_ROLE_KEY);

	return key.data && castssl_key_is_encrypted(&key);
}

void
castssl_check_restart_safe(CastsslCheckScope *scope)
{
	bool encrypted = key_is_encrypted(scope);
	const char *problem = scope->parameter_problem
							  ? scope->parameter_problem
							  : castssl_restart_problem_besides(&scope->hba_findings, !encrypted);

	if (problem)
		castssl_check_report(scope, CASTSSL_ERROR, "server", castssl_restart_sentence(problem),
							 "Mend that, then: SELECT restart_safe, restart_problem FROM "
							 "castssl_status();");
	else if (encrypted)
		castssl_check_report(
			scope, CASTSSL_INFO, scope->material.files[CASTSSL_ROLE_KEY].name,
			"the key is encrypted: whether ssl_passphrase_command opens it was not "
			"tried",
			"SELECT * FROM castssl_enable(dry_run => true);");
}

const char *
castssl_check_tls_on_hint(const CastsslCheckScope *scope)
{
	bool in_place = scope->material.files[CASTSSL_ROLE_CERTIFICATE].path &&
					scope->material.files[CASTSSL_ROLE_KEY].path;

	return in_place ? "ALTER SYSTEM SET ssl = on; SELECT * FROM castssl_reload();"
					: "SELECT * FROM castssl_enable(source_dir => '...', "
					  "confirm_within => '10 min');";
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

	for (int i = 0; i < lengthof(names); i++)
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
		castssl_check_report(scope, CASTSSL_ERROR, "ssl_min_protocol_version",
							 psprintf("protocols before TLSv1.2 are allowed ('%s')", version),
							 "ALTER SYSTEM SET ssl_min_protocol_version = 'TLSv1.2'; "
							 "SELECT * FROM castssl_reload();");
}

/* What is wrong with a cipher; NULL if nothing. */
static const char *
weakness(const SSL_CIPHER *cipher)
{
	int encryption = SSL_CIPHER_get_cipher_nid(cipher);
	const char *name = SSL_CIPHER_get_name(cipher);

	if (encryption == NID_undef)
		return "does not encrypt";
	if (SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null)
		return "does not authenticate the server";
	if (strstr(name, "RC4") || strstr(name, "EXP-") || strstr(name, "DES-CBC"))
		return "is weak";
	return NULL;
}

void
castssl_check_ciphers(CastsslCheckScope *scope)
{
	char *list = castssl_parameter_value("ssl_ciphers");
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	STACK_OF(SSL_CIPHER) * ciphers;

	if (context == NULL)
		return;
	if (SSL_CTX_set_cipher_list(context, list) != 1)
		castssl_check_report(scope, CASTSSL_ERROR, "ssl_ciphers",
							 psprintf("no cipher is left: %s", castssl_openssl_error()),
							 "ALTER SYSTEM RESET ssl_ciphers; SELECT * FROM castssl_reload();");
	ciphers = SSL_CTX_get_ciphers(context);
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
	{
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
		const char *why = weakness(cipher);

		if (why)
			castssl_check_report(scope, CASTSSL_ERROR, "ssl_ciphers",
								 psprintf("cipher %s %s", SSL_CIPHER_get_name(cipher), why),
								 "ALTER SYSTEM RESET ssl_ciphers; SELECT * FROM castssl_reload();");
	}
	SSL_CTX_free(context);
}

void
castssl_check_passphrase(CastsslCheckScope *scope)
{
	if (castssl_parameter_value("ssl_passphrase_command")[0] != '\0' &&
		strcmp(castssl_parameter_value("ssl_passphrase_command_supports_reload"), "on") != 0 &&
		key_is_encrypted(scope))
		castssl_check_report(
			scope, CASTSSL_WARNING, "ssl_passphrase_command_supports_reload",
			"a reload does not take up a new certificate: the key is encrypted, and "
			"its passphrase is asked for at the start only",
			"ALTER SYSTEM SET ssl_passphrase_command_supports_reload = on; "
			"SELECT * FROM castssl_reload();");
}

void
castssl_check_listen_addresses(CastsslCheckScope *scope)
{
	if (!castssl_probe_possible())
		castssl_check_report(scope, CASTSSL_INFO, "listen_addresses",
							 "the server has no TCP port: TLS is of no use, and nothing can be "
							 "proven",
							 "ALTER SYSTEM SET listen_addresses = 'localhost'; then restart the "
							 "server.");
}
