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
#include "flow/ask/unloaded.h"
#include "flow/check/checks.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/reload.h"
#include "server/restart.h"
#include "tls/key.h"
#include "tls/openssl.h"

#define RELOAD "SELECT * FROM castssl_reload();"
#define MOST_CIPHERS 3 /* named in one row */

/* A server does not tell which CAs and CRLs it has loaded, so the time of the file decides. */
static void
report_if_not_loaded(CastsslCheckScope *scope, CastsslRole role)
{
	const CastsslMaterialFile *file = &scope->material.files[role];

	if (file->path && castssl_reload_covers(file->name) == CASTSSL_NOT_LOADED)
		castssl_check_report_reload(scope, CASTSSL_WARNING, file->name,
									"the file changed after the last reload: client certificates "
									"are checked against the one before");
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
		castssl_check_report_reload(
			scope, CASTSSL_ERROR, "served certificate",
			psprintf("no TLS handshake with the server's own port: %s", problem));
	else if (file->path &&
			 castssl_certificates_read_facts(file->data, file->length, file->name, &certificates,
											 &findings) &&
			 castssl_certificates_first(&certificates) != NULL &&
			 strcmp(served, castssl_certificates_first(&certificates)->fingerprint) != 0)
		castssl_check_report_reload(
			scope, CASTSSL_ERROR, file->name,
			psprintf("clients get another certificate (SHA-256 %s) than the one on disk", served));
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
							 "Correct that line, then: " RELOAD);
	names = castssl_parameters_not_in_effect();
	if (names)
		castssl_check_report(scope, CASTSSL_WARNING, names,
							 "the value in the configuration files is not in effect",
							 castssl_unloaded_turns_tls_off()
								 ? "To keep TLS, which the next reload turns off: ALTER SYSTEM SET "
								   "ssl = on;  To turn it off: " RELOAD
								 : RELOAD);
}

void
castssl_check_hba_in_effect(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nfiles; i++)
	{
		const char *path = scope->policy->files[i]->path;

		if (castssl_reload_covers(path) == CASTSSL_NOT_LOADED)
			castssl_check_report(scope, CASTSSL_WARNING, path,
								 "the file changed after the last reload",
								 scope->hba_findings.count > 0
									 ? "First correct what the server refuses: rows hba_loads."
									 : RELOAD);
	}
}

/* Is the key encrypted?  Then loading it would run ssl_passphrase_command. */
static bool
key_is_encrypted(const CastsslCheckScope *scope)
{
	CastsslPem key = castssl_material_pem(&scope->material, CASTSSL_ROLE_KEY);

	return key.data && castssl_key_is_encrypted(&key);
}

/* A name without a folder is looked up in the data directory: does it lie beside postgresql.conf?
 */
static bool
lies_beside(const char *name)
{
	struct stat st;

	return !is_absolute_path(name) && stat(castssl_path_in(DataDir, name), &st) != 0 &&
		   stat(castssl_path_in(castssl_path_folder(ConfigFileName), name), &st) == 0;
}

/* What to do about a server that would not start; where certificate and key lie in the wrong
 * folder, that is it. */
static const char *
restart_hint(void)
{
	const char *folder = castssl_path_folder(ConfigFileName);
	char *certificate = castssl_parameter_at_start("ssl_cert_file");
	char *key = castssl_parameter_at_start("ssl_key_file");
	char *cert_word = castssl_sql_literal(castssl_path_in(folder, certificate));
	char *key_word = castssl_sql_literal(castssl_path_in(folder, key));

	if (lies_beside(certificate) && lies_beside(key) && cert_word && key_word)
		return psprintf("The files lie beside postgresql.conf, and names without a folder are "
						"looked up in the data directory: SELECT * FROM castssl_enable(cert_file "
						"=> %s, key_file => %s);",
						cert_word, key_word);
	return "Correct that, then: SELECT restart_safe, restart_problem FROM castssl_status();";
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
							 restart_hint());
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

	return in_place ? "ALTER SYSTEM SET ssl = on; " RELOAD
					: "Put server.crt, server.key and root.crt into a folder of the server, then: "
					  "castssl_enable(source_dir => 'that folder', confirm_within => '10 min').";
}

const char *
castssl_check_ca_hint(const CastsslCheckScope *scope)
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
	return "Put the CA's certificate on the server and name it: castssl_enable(ca_file => '...', "
		   "confirm_within => '10 min').";
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
		castssl_check_report_set(
			scope, CASTSSL_ERROR, "ssl_min_protocol_version", "ssl_min_protocol_version",
			psprintf("protocols before TLSv1.2 are allowed ('%s')", version), "'TLSv1.2'");
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

/* The ciphers that a list leaves; NULL: it leaves none, or there is no memory. */
static SSL_CTX *
with_ciphers(const char *list)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context && SSL_CTX_set_cipher_list(context, list) != 1)
	{
		SSL_CTX_free(context);
		context = NULL;
	}
	return context;
}

/* The list without what is weak, as a string of SQL; the usual one where nothing would be left. */
static const char *
strong_ciphers(const char *list)
{
	const char *without = psprintf("%s:!eNULL:!aNULL:!RC4:!EXPORT:!DES:!3DES", list);
	const char *usual = "HIGH:!aNULL:!3DES";
	SSL_CTX *context = with_ciphers(without);
	const char *literal = castssl_sql_literal(context ? without : usual);

	SSL_CTX_free(context);
	return literal ? literal : castssl_sql_literal(usual);
}

/* One row for the setting, whatever it lets in. */
void
castssl_check_ciphers(CastsslCheckScope *scope)
{
	char *list = castssl_parameter_value("ssl_ciphers");
	SSL_CTX *context = with_ciphers(list);
	STACK_OF(SSL_CIPHER) *ciphers = context ? SSL_CTX_get_ciphers(context) : NULL;
	StringInfoData weak;
	int count = 0;

	initStringInfo(&weak);
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
	{
		const SSL_CIPHER *cipher = sk_SSL_CIPHER_value(ciphers, i);
		const char *why = weakness(cipher);

		if (why && count++ < MOST_CIPHERS)
			appendStringInfo(&weak, "%s%s %s", weak.len ? ", " : "cipher ",
							 SSL_CIPHER_get_name(cipher), why);
	}
	if (count > MOST_CIPHERS)
		appendStringInfo(&weak, ", and %d more are like that", count - MOST_CIPHERS);
	if (context == NULL)
		appendStringInfo(&weak, "no cipher is left: %s", castssl_openssl_error());
	if (weak.len > 0)
		castssl_check_report_set(scope, CASTSSL_ERROR, "ssl_ciphers", "ssl_ciphers", weak.data,
								 strong_ciphers(list));
	SSL_CTX_free(context);
}

void
castssl_check_passphrase(CastsslCheckScope *scope)
{
	if (castssl_parameter_value("ssl_passphrase_command")[0] != '\0' &&
		strcmp(castssl_parameter_value("ssl_passphrase_command_supports_reload"), "on") != 0 &&
		key_is_encrypted(scope))
		castssl_check_report_set(
			scope, CASTSSL_WARNING, "ssl_passphrase_command_supports_reload",
			"ssl_passphrase_command_supports_reload",
			"a reload does not take up a new certificate: the key is encrypted, and its passphrase "
			"is asked for at the start only",
			"on");
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
