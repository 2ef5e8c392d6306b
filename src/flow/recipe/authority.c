/*
 * authority.c
 *		A small CA on this server, for users without a CA of their own.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <time.h>

#include "common/file_perm.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "base/settings.h"
#include "base/words.h"
#include "flow/plan/material.h"
#include "flow/recipe/authority.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/process/raise.h"
#include "tls/crl.h"
#include "tls/instant.h"
#include "tls/judge.h"
#include "tls/key.h"
#include "tls/openssl.h"
#include "tls/pkcs12.h"
#include "tls/request.h"

char *
castssl_authority_path(const char *name)
{
	char *directory =
		castssl_ca_directory[0]
			? castssl_path_resolve_target(castssl_path_in(DataDir, castssl_ca_directory), false)
			: castssl_state_path("ca");

	return name ? castssl_path_in(directory, name) : directory;
}

static void
show_warnings(const CastsslFindings *findings)
{
	for (int i = 0; i < findings->count; i++)
	{
		const CastsslFinding *finding = &findings->items[i];

		if (finding->severity == CASTSSL_WARNING)
			ereport(WARNING, (errmsg("%s", finding->message),
							  finding->detail ? errdetail("%s", finding->detail) : 0));
	}
}

char *
castssl_authority_crl(const CastsslAuthority *authority, const CastsslRevocation *revoked,
					  int count, int64 number)
{
	CastsslFindings findings = { 0 };
	int64 next_update;
	char *crl = NULL;

	if (castssl_asn1_seconds(X509_get0_notAfter(authority->certificate), &next_update))
		crl =
			castssl_crl_make(authority, revoked, count, number, time(NULL), next_update, &findings);
	if (crl == NULL)
		castssl_raise_failure(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
	return crl;
}

/*
 * Not even half of a CA may exist: a key without certificate may belong to somebody, and
 * is not overwritten.
 */
static void
check_no_authority(void)
{
	static const char *const files[] = { "root.crt", "ca.key" };
	size_t length;

	for (int i = 0; i < lengthof(files); i++)
	{
		char *path = castssl_authority_path(files[i]);
		char *data = castssl_file_read_if_exists(path, CASTSSL_PEM_LIMIT, &length, NULL);

		if (data == NULL)
			continue;
		castssl_openssl_wipe_later(data, length);
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server has a CA already"), errdetail("There is \"%s\".", path),
						errhint("To start again, move that directory away or set "
								"castssl.ca_directory to another one."),
						castssl_err_reason("castssl_ca_exists")));
	}
}

/* root.crt last: without it there is no CA. */
static void
write_authority(const char *key, size_t length, const char *crl, const char *certificate)
{
	castssl_directory_make(castssl_state_path(NULL));
	castssl_directory_make(castssl_authority_path(NULL));
	castssl_directory_check_private(castssl_authority_path(NULL));
	castssl_directory_make(castssl_authority_path("certificates"));
	castssl_file_replace(castssl_authority_path("ca.key"), key, length, 0600, NULL);
	castssl_file_replace(castssl_authority_path("root.crl"), crl, strlen(crl), pg_file_create_mode,
						 NULL);
	castssl_file_replace(castssl_authority_path("root.crt"), certificate, strlen(certificate),
						 pg_file_create_mode, NULL);
}

/* Where the CA is when castssl.ca_directory names no place for it. */
static char *
usual_path(const char *name)
{
	return castssl_path_in(castssl_state_path("ca"), name);
}

/* Is there a CA in the usual place, though castssl.ca_directory names another one? */
static bool
is_left_behind(void)
{
	struct stat st;

	return castssl_ca_directory[0] != '\0' && stat(usual_path("root.crt"), &st) == 0 &&
		   strcmp(castssl_authority_path("root.crt"), usual_path("root.crt")) != 0;
}

char *
castssl_authority_create(const char *common_name, int64 valid_for, const char *key_type)
{
	CastsslFindings findings = { 0 };
	CastsslAuthority authority;
	char *certificate = NULL;
	char *text = NULL;
	size_t length;

	check_no_authority();
	if (is_left_behind())
		ereport(WARNING,
				(errmsg("this is a second CA: there is one in \"%s\"", castssl_state_path("ca")),
				 errdetail("castssl.ca_directory names another directory, and only the CA there is "
						   "used.")));
	authority.key = castssl_key_generate(key_type, &findings);
	if (authority.key)
		certificate = castssl_ca_make(common_name, authority.key, time(NULL), valid_for, &findings);
	if (certificate)
		text = castssl_key_pem(authority.key, &length, &findings);
	if (text == NULL)
		castssl_raise_failure(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
	authority.certificate = castssl_authority_certificate(certificate).x509;
	write_authority(text, length, castssl_authority_crl(&authority, NULL, 0, 1), certificate);
	if (castssl_signature_has_no_hash(authority.certificate))
		ereport(WARNING,
				(errmsg("clients that log in with a password cannot use servers of this CA"),
				 errdetail("It signs with %s.  With SCRAM, libpq uses channel binding over TLS, "
						   "which needs a hash that such a signature does not have.",
						   key_type),
				 errhint("Make a CA with key_type => 'ec:P-384', the default, unless all clients "
						 "log in with certificates.")));
	return certificate;
}

bool
castssl_authority_exists(void)
{
	struct stat st;

	return stat(castssl_authority_path("root.crt"), &st) == 0;
}

void
castssl_authority_raise_none(const char *issuer)
{
	char *path = castssl_authority_path("root.crt");
	char *from = castssl_shell_word(castssl_state_path("ca"));
	char *to = castssl_shell_word(castssl_authority_path(NULL));

	if (is_left_behind())
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("there is no CA in castssl.ca_directory"),
						errdetail("The CA is in \"%s\", and \"%s\" does not exist.",
								  castssl_state_path("ca"), path),
						from && to ? errhint("As the server's account: cp -Rp %s/. %s && rm -r %s",
											 from, to, from)
								   : 0,
						castssl_err_reason("castssl_no_ca")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("this server has no CA"),
			 issuer ? errdetail("\"%s\" does not exist, and the certificate was issued by %s.",
								path, issuer)
					: errdetail("\"%s\" does not exist.", path),
			 issuer
				 ? errhint("Have that CA revoke it, and install its new CRL, in one text with the "
						   "CRLs of the other CAs: castssl_install(crl => '...').")
				 : errhint("SELECT castssl_create_ca(common_name => '...') makes one."),
			 castssl_err_reason("castssl_no_ca")));
	pg_unreachable();
}

CastsslAuthority
castssl_authority_load(char **certificate)
{
	CastsslAuthority authority;
	CastsslFindings findings = { 0 };
	CastsslPem pem = { .name = castssl_authority_path("root.crt") };
	CastsslPem key = { .name = castssl_authority_path("ca.key") };
	bool good;

	pem.data = castssl_file_read_if_exists(pem.name, CASTSSL_PEM_LIMIT, &pem.length, NULL);
	if (pem.data == NULL)
		castssl_authority_raise_none(NULL);
	key.data = castssl_file_read(key.name, CASTSSL_PEM_LIMIT, &key.length, NULL);
	castssl_openssl_wipe_later(unconstify(char *, key.data), key.length);
	good = castssl_authority_read(&pem, &key, time(NULL), &authority, &findings);
	if (!good)
		castssl_raise_failure(&findings, ERRCODE_CONFIG_FILE_ERROR);
	*certificate = (char *) pem.data;
	return authority;
}

CastsslCertificate
castssl_authority_certificate(const char *pem)
{
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	const CastsslCertificate *first;

	if (!castssl_certificates_read(pem, strlen(pem), "certificate", &certificates, &findings))
		castssl_raise_failure(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
	first = castssl_certificates_first(&certificates);
	if (first == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the text holds no certificate"),
				 errdetail("It holds only certificate revocation lists.")));
	return *first;
}

/*
 * 42501 if the caller is not a superuser and asks for a certificate of somebody whom it may
 * not become: it could log in as that role with it.
 */
static void
check_may_be(const char *common_name)
{
	const char *name = pg_any_to_server(common_name, (int) strlen(common_name), PG_UTF8);
	Oid role = get_role_oid(name, true);

	if (castssl_caller_is_superuser() ||
		(OidIsValid(role) && !superuser_arg(role) && is_member_of_role(castssl_caller(), role)))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to issue a certificate for \"%s\"", name),
			 errdetail("Only superusers issue certificates for superusers, and for roles that they "
					   "are not a member of."),
			 errhint("Have a superuser sign it, or become a member of the role.")));
}

/* Sign, and keep a copy: castssl_revoke() needs to know which certificates this CA issued. */
static char *
sign(const CastsslAuthority *authority, const char *request, int64 valid_for,
	 CastsslPurpose purpose)
{
	CastsslFindings findings = { 0 };
	CastsslPem pem = { .name = "request", .data = request, .length = strlen(request) };
	char *certificate =
		castssl_request_sign(&pem, authority, time(NULL), valid_for, purpose, &findings);
	CastsslCertificate issued;
	char *name;

	if (certificate == NULL)
		castssl_raise_failure(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
	/* It has one common name: otherwise it would not have been signed. */
	if (purpose == CASTSSL_FOR_CLIENT)
		check_may_be(castssl_request_common_name(castssl_request_read(&pem, &findings)));
	show_warnings(&findings);
	issued = castssl_authority_certificate(certificate);
	name = psprintf("certificates/%s.crt", issued.serial);
	castssl_file_replace(castssl_authority_path(name), certificate, strlen(certificate),
						 pg_file_create_mode, NULL);
	return certificate;
}

/* Nobody reminds of the end of a certificate but who knows of it. */
static void
show_end(const char *pem)
{
	CastsslCertificate certificate = castssl_authority_certificate(pem);

	ereport(NOTICE, (errmsg("the certificate of %s is valid until %s", certificate.subject,
							castssl_instant_text(certificate.not_after)),
					 errhint("Issue a new one before that day.")));
}

char *
castssl_authority_sign(const char *request, int64 valid_for, CastsslPurpose purpose)
{
	char *ca;
	CastsslAuthority authority = castssl_authority_load(&ca);
	char *certificate = sign(&authority, request, valid_for, purpose);

	show_end(certificate);
	return certificate;
}

bool
castssl_authority_is_trusted(const CastsslAuthority *authority)
{
	CastsslCertificates trusted = { 0 };
	CastsslFindings findings = { 0 };
	size_t length;
	char *data;
	bool found = false;

	if (!castssl_tls_is_on())
		return false;
	data = castssl_material_read_named(CASTSSL_ROLE_CA, &length);
	if (data)
		(void) castssl_certificates_read(data, length, "ssl_ca_file", &trusted, &findings);
	for (int i = 0; i < trusted.count && !found; i++)
	{
		/*
		 * Compare the key: its certificate may have been renewed, or another CA may have
		 * issued it.
		 */
		found =
			trusted.items[i].x509 && castssl_openssl_has_key(trusted.items[i].x509, authority->key);
	}
	return found;
}

/* An argument of castssl_install() that is the file in use and one of the CA, one after the other.
 */
static char *
both_texts(const char *argument, CastsslRole role, const char *file)
{
	char *named = castssl_material_named(role);
	char *now = named ? castssl_sql_literal(named) : NULL;
	char *own = castssl_sql_literal(castssl_authority_path(file));

	if (own == NULL || (named && now == NULL))
		return NULL;
	return now ? psprintf("%s => pg_read_file(%s) || E'\\n' || pg_read_file(%s)", argument, now,
						  own)
			   : psprintf("%s => pg_read_file(%s)", argument, own);
}

/* The statement after which the server trusts this CA as well. */
static char *
hint_to_trust(void)
{
	char *ca = both_texts("ca", CASTSSL_ROLE_CA, "root.crt");
	char *crl = castssl_material_named(CASTSSL_ROLE_CRL)
					? both_texts("crl", CASTSSL_ROLE_CRL, "root.crl")
					: NULL;

	if (ca == NULL)
		return NULL;
	return psprintf("SELECT * FROM castssl_install(%s%s%s);", ca, crl ? ", " : "", crl ? crl : "");
}

/*
 * A certificate of this CA is of no use on a server that trusts another one alone.  It may
 * be meant for other servers: so this is no error.
 */
static void
warn_unless_trusted(const CastsslAuthority *authority)
{
	char *hint;

	if (!castssl_tls_is_on() || castssl_authority_is_trusted(authority))
		return;
	hint = hint_to_trust();
	ereport(
		WARNING,
		(errmsg("this server does not trust the CA that issued the certificate"),
		 errdetail(
			 "%s is not in ssl_ca_file, so a client that shows the certificate here is refused.",
			 castssl_name_rfc2253(X509_get_subject_name(authority->certificate))),
		 hint ? errhint("%s", hint) : 0));
}

/* Clients would not accept this server by the root.crt that they are given. */
static void
warn_of_other_root(const CastsslAuthority *authority)
{
	CastsslCertificates own = { 0 };
	CastsslFindings findings = { 0 };
	const CastsslCertificate *first;
	X509 *last;
	size_t length;
	char *data =
		castssl_tls_is_on() ? castssl_material_try_named(CASTSSL_ROLE_CERTIFICATE, &length) : NULL;

	if (data == NULL || !castssl_certificates_read(data, length, "ssl_cert_file", &own, &findings))
		return;
	for (int i = 0; i < own.count; i++)
	{
		if (own.items[i].x509 && castssl_openssl_is_signed_with(own.items[i].x509, authority->key))
			return;
	}
	first = castssl_certificates_first(&own);
	last = first ? own.items[own.count - 1].x509 : NULL;
	if (last == NULL)
		return;
	ereport(WARNING,
			(errmsg("root.crt does not verify this server's certificate"),
			 errdetail("It holds %s, and the server's certificate is of %s.",
					   castssl_name_rfc2253(X509_get_subject_name(authority->certificate)),
					   castssl_name_rfc2253(X509_get_issuer_name(last))),
			 errhint("Give the client the root certificate of the server's CA as root.crt, for "
					 "connections to this server.")));
}

/* A user name that is a safe directory name on every system and in every shell. */
static void
check_user_name(const char *user_name)
{
	const char *safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-@";

	if (user_name[0] != '.' && user_name[0] != '-' && strlen(user_name) < NAMEDATALEN &&
		strspn(user_name, safe) == strlen(user_name))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("user name \"%s\" cannot be the name of a directory", user_name),
					errdetail("A directory of that name is made for the files of the user."),
					errhint("Use letters, digits and _ - . @, or have the user make a request that "
							"castssl_sign() signs.")));
}

/* The files of a client, ready for writing. */
typedef struct Issued
{
	char *key;
	size_t key_length;
	char *pkcs8;
	size_t pkcs8_length;
	char *certificate;
	char *pkcs12; /* NULL without a password */
	size_t pkcs12_length;
} Issued;

/* The alias that pgjdbc looks for in a PKCS#12 file; others take the only key, whatever it is
 * called. */
#define ALIAS "user"

static char *
make_pkcs12(const char *password, EVP_PKEY *key, const Issued *issued, const char *ca,
			size_t *length)
{
	CastsslFindings findings = { 0 };
	CastsslCertificates authorities = { 0 };
	char *bytes = NULL;

	if (castssl_certificates_read(ca, strlen(ca), "root.crt", &authorities, &findings))
		bytes = castssl_pkcs12_make(key, castssl_authority_certificate(issued->certificate).x509,
									&authorities, ALIAS, password, length, &findings);
	if (bytes == NULL)
		castssl_raise_failure(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
	return bytes;
}

static void
write_issued(const char *directory, const char *name, const char *data, size_t length)
{
	castssl_file_replace(castssl_path_in(directory, name), data, length, 0600, NULL);
}

static void
write_all(const char *directory, const Issued *issued, const char *ca)
{
	castssl_directory_make(castssl_state_path("issued"));
	castssl_directory_make(directory);
	write_issued(directory, "client.key", issued->key, issued->key_length);
	write_issued(directory, "client.pem.pk8", issued->key, issued->key_length);
	write_issued(directory, "client.pk8", issued->pkcs8, issued->pkcs8_length);
	write_issued(directory, "client.crt", issued->certificate, strlen(issued->certificate));
	write_issued(directory, "root.crt", ca, strlen(ca));
	if (issued->pkcs12)
		write_issued(directory, "client.pfx", issued->pkcs12, issued->pkcs12_length);
	else
		castssl_file_remove(castssl_path_in(directory, "client.pfx"));
}

char *
castssl_authority_issue_client(const char *user_name, const char *password, int64 valid_for)
{
	CastsslFindings findings = { 0 };
	CastsslNames names = { 0 };
	CastsslAuthority authority;
	EVP_PKEY *key;
	Issued issued = { 0 };
	char *ca;
	char *request = NULL;
	char *directory;

	check_user_name(user_name);
	if (password && password[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("password must not be empty"),
				 errdetail("It is all that protects the key in client.pfx."),
				 errhint("Give one, or NULL to have no client.pfx.")));
	authority = castssl_authority_load(&ca);
	key = castssl_key_generate("ec:P-256", &findings);
	if (key)
		request = castssl_request_make(key, user_name, &names, &findings);
	if (request)
		issued.key = castssl_key_pem(key, &issued.key_length, &findings);
	if (issued.key)
		issued.pkcs8 = castssl_key_pkcs8_der(key, &issued.pkcs8_length, &findings);
	if (issued.pkcs8 == NULL)
		castssl_raise_failure(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
	issued.certificate = sign(&authority, request, valid_for, CASTSSL_FOR_CLIENT);
	if (password)
		issued.pkcs12 = make_pkcs12(password, key, &issued, ca, &issued.pkcs12_length);

	directory = castssl_path_in(castssl_state_path("issued"), user_name);
	write_all(directory, &issued, ca);
	warn_unless_trusted(&authority);
	warn_of_other_root(&authority);
	return directory;
}
