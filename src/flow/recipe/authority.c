/*
 * authority.c
 *		A small CA on this server, for users without a CA of their own.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <time.h>

#include "access/xlog.h"
#include "catalog/catalog.h"
#include "common/file_perm.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "base/words.h"
#include "flow/plan/material.h"
#include "flow/recipe/authority.h"
#include "flow/recipe/authority_place.h"
#include "flow/recipe/own_crl.h"
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

/* No part of a CA may exist: a key without a certificate must not be overwritten. */
static void
check_no_authority(void)
{
	char *other;

	castssl_authority_check_place();
	castssl_authority_check_whole();
	if (!castssl_authority_exists())
		return;
	/* a file that the server uses must stay where it is */
	other = castssl_authority_in_use() ? castssl_authority_other_place_hint() : NULL;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("this server has a CA already"),
					errdetail("\"%s\" exists.", castssl_authority_path("root.crt")),
					other ? errhint("To have another one beside it: %s", other)
						  : errhint("To start again, move that directory away or set "
									"castssl.ca_directory to another one."),
					castssl_err_reason("castssl_ca_exists")));
}

/* root.crt is written last, because it completes the CA. */
static void
write_authority(const char *key, size_t length, const char *crl, const char *certificate)
{
	castssl_directory_make(castssl_state_path(NULL));
	castssl_directory_make(castssl_authority_path(NULL));
	castssl_directory_check_private(castssl_authority_path(NULL), NULL);
	castssl_directory_make(castssl_authority_path("certificates"));
	castssl_file_replace(castssl_authority_path("ca.key"), key, length, 0600, NULL);
	castssl_file_replace(castssl_authority_path("root.crl"), crl, strlen(crl), pg_file_create_mode,
						 NULL);
	castssl_file_replace(castssl_authority_path("root.crt"), certificate, strlen(certificate),
						 pg_file_create_mode, NULL);
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
	if (castssl_authority_is_left_behind())
		ereport(
			WARNING,
			(errmsg("this is a second CA: the first one is in \"%s\"", castssl_state_path("ca")),
			 errdetail("castssl.ca_directory names another directory, and pg_castssl uses only "
					   "the CA there.")));
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
				 errdetail("The CA signs with %s.  With SCRAM over TLS libpq uses channel binding. "
						   " That needs a hash, and such a signature has none.",
						   key_type),
				 errhint("Make a CA with key_type => 'ec:P-384', the default, unless all clients "
						 "log in with certificates.")));
	return certificate;
}

CastsslAuthority
castssl_authority_load(char **certificate)
{
	CastsslAuthority authority;
	CastsslFindings findings = { 0 };
	CastsslPem pem = { .name = castssl_authority_path("root.crt") };
	CastsslPem key = { .name = castssl_authority_path("ca.key") };
	bool good;

	castssl_authority_check_whole();
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
	CastsslCertificate certificate;
	CastsslFindings findings = { 0 };

	if (!castssl_certificates_read_first(pem, strlen(pem), "certificate", &certificate, &findings))
		castssl_raise_failure(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
	return certificate;
}

/* May the caller become the role of this name, without becoming a superuser? */
static bool
may_be(const char *name)
{
	Oid role = get_role_oid(name, true);

	return OidIsValid(role) && !superuser_arg(role) && castssl_may_set_role(castssl_caller(), role);
}

/*
 * The grant that lets the caller become the role of this name.  NULL: none does, or it would give
 * much more than a certificate.
 */
static char *
grant_to_caller(const char *name)
{
	Oid role = get_role_oid(name, true);

	if (!OidIsValid(role) || superuser_arg(role) || IsReservedName(name) ||
		is_member_of_role_nosuper(role, castssl_caller()) || RecoveryInProgress())
		return NULL;
	return psprintf("GRANT %s TO %s" CASTSSL_GRANT_WITH_SET ";", quote_identifier(name),
					quote_identifier(castssl_caller_name()));
}

/* 42501 for a subject that is not the name of a role alone. */
static void
raise_other_subject(X509_NAME *subject)
{
	const char *name = castssl_name_slashes_cn(castssl_name_slashes(subject));
	bool issued = name && castssl_authority_is_user_name(name) && may_be(name);

	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to sign a request with this subject"),
			 errdetail("It is %s.  Only superusers have another subject signed than one common "
					   "name (CN) that is the name of a role byte for byte.",
					   castssl_name_rfc2253(subject)),
			 issued ? errhint("Make a request whose whole subject is CN=%s, or call "
							  "castssl_issue_client(user_name => '%s'), or let a superuser sign "
							  "this one.",
							  name, name)
			 /* in another encoding the name of a role may not be UTF-8 */
			 : GetDatabaseEncoding() == PG_UTF8
				 ? errhint("Make a request with the role's name in UTF-8 as the whole subject, "
						   "CN=name, or let a superuser sign this one.")
				 : errhint("Let a superuser sign this one.")));
}

/*
 * 42501 if the caller is not a superuser and asks for a certificate of a role that it may not
 * become, because it could log in as that role.  Names of roles are compared as the server does
 * it at login: byte for byte, in whatever encoding this database is.
 */
static void
check_may_be(X509_REQ *request)
{
	const char *name;
	char *grant;

	if (castssl_caller_is_superuser())
		return;
	name = castssl_request_only_name(request);
	if (name == NULL)
		raise_other_subject(X509_REQ_get_subject_name(request));
	if (may_be(name))
		return;
	grant = grant_to_caller(name);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("permission denied to issue a certificate for \"%s\"", name),
			 errdetail("Only superusers issue certificates for superusers, and for roles that they "
					   "cannot become by SET ROLE."),
			 grant ? errhint("Let a superuser make this call, or let the caller become that role: "
							 "%s",
							 grant)
				   : errhint("Let a superuser make this call.")));
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
	if (purpose == CASTSSL_FOR_CLIENT)
		check_may_be(castssl_request_read(&pem, &findings));
	show_warnings(&findings);
	issued = castssl_authority_certificate(certificate);
	castssl_directory_make(
		castssl_authority_path("certificates")); /* somebody may have removed it */
	name = psprintf("certificates/%s.crt", issued.serial);
	castssl_file_replace(castssl_authority_path(name), certificate, strlen(certificate),
						 pg_file_create_mode, NULL);
	return certificate;
}

/* The log must not show the statement, because it may hold a password. */
static void
show_end(const char *pem, int elevel)
{
	CastsslCertificate certificate = castssl_authority_certificate(pem);

	ereport(elevel, (errmsg("the certificate of %s is valid until %s", certificate.subject,
							castssl_instant_text(certificate.not_after)),
					 errhint("Issue a new one before that day."), errhidestmt(true)));
}

char *
castssl_authority_sign(const char *request, int64 valid_for, CastsslPurpose purpose)
{
	char *ca;
	CastsslAuthority authority = castssl_authority_load(&ca);
	char *certificate = sign(&authority, request, valid_for, purpose);

	show_end(certificate, NOTICE);
	return certificate;
}

bool
castssl_authority_is_trusted(const CastsslAuthority *authority)
{
	CastsslCertificates trusted = { 0 };
	CastsslFindings findings = { 0 };
	size_t length;
	char *data;

	if (!castssl_tls_is_on())
		return false;
	data = castssl_material_read_named(CASTSSL_ROLE_CA, &length);
	if (data)
		(void) castssl_certificates_read(data, length, "ssl_ca_file", &trusted, &findings);
	/*
	 * Compare the key: its certificate may have been renewed, or another CA may have issued it.
	 */
	return castssl_certificates_with_key(&trusted, authority->key) > 0;
}

/* What makes the server trust this CA as well, and check what it has revoked; a hint. */
static char *
hint_to_trust(void)
{
	char *ca = castssl_own_crl_joined("ca", CASTSSL_ROLE_CA, "root.crt");

	if (ca == NULL)
		return NULL;
	if (castssl_material_named(CASTSSL_ROLE_CRL) || castssl_own_crl_lists())
		return castssl_own_crl_hint(psprintf("%s, ", ca));
	return psprintf("SELECT * FROM castssl_install(%s);", ca);
}

/*
 * A server that trusts only another CA refuses certificates of this one.  This is not an error,
 * because the certificate may be for other servers.
 */
static void
warn_unless_trusted(const CastsslAuthority *authority)
{
	char *hint;
	char *others;

	if (!castssl_tls_is_on() || castssl_authority_is_trusted(authority))
		return;
	hint = hint_to_trust();
	others = castssl_own_crl_others();
	ereport(
		WARNING,
		(errmsg("this server does not trust the CA that issued the certificate"),
		 errdetail(
			 "%s is not in ssl_ca_file, so a client that shows the certificate here is refused.%s",
			 castssl_name_rfc2253(X509_get_subject_name(authority->certificate)),
			 others ? psprintf("  Certificates can be revoked here only when there is a CRL of %s, "
							   "too: a server that checks CRLs needs one of each CA.",
							   others)
					: ""),
		 hint ? errhint("%s", hint) : 0));
}

/* Warn if clients cannot verify this server with the root.crt that they get. */
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

bool
castssl_authority_is_user_name(const char *name)
{
	const char *safe = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-@";

	return name[0] != '\0' && name[0] != '.' && name[0] != '-' && strlen(name) < NAMEDATALEN &&
		   strspn(name, safe) == strlen(name);
}

static void
check_user_name(const char *user_name)
{
	bool may_sign = castssl_caller_is_superuser() || GetDatabaseEncoding() == PG_UTF8;

	if (castssl_authority_is_user_name(user_name))
		return;
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("user name \"%s\" cannot be the name of a directory", user_name),
					errdetail("The user's files are written to a directory of that name."),
					may_sign ? errhint("Use letters, digits and _ - . @.  Or let the user make a "
									   "request, and sign it with castssl_sign().")
							 : errhint("Use letters, digits and _ - . @.  Or let the user make a "
									   "request, and let a superuser sign it with "
									   "castssl_sign().")));
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

/*
 * The alias that pgjdbc looks for in a PKCS#12 file; others take the only key, whatever its name.
 */
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

/* Say that the certificate which is replaced stays valid; its key was maybe given away. */
static void
show_earlier(const char *directory)
{
	size_t length;
	char *earlier = castssl_file_read_if_exists(castssl_path_in(directory, "client.crt"),
												CASTSSL_PEM_LIMIT, &length, NULL);
	CastsslFindings findings = { 0 };
	CastsslCertificate first;
	char *copy;
	char *literal;
	struct stat st;

	if (earlier == NULL ||
		!castssl_certificates_read_first(earlier, length, "client.crt", &first, &findings))
		return;
	copy = castssl_authority_path(psprintf("certificates/%s.crt", first.serial));
	literal = stat(copy, &st) == 0 ? castssl_sql_literal(copy) : NULL;
	/* no NOTICE, as below */
	ereport(LOG, (errmsg("the earlier certificate of %s stays valid until %s", first.subject,
						 castssl_instant_text(first.not_after)),
				  literal ? errhint("If it is not wanted any more: SELECT "
									"castssl_revoke(certificate => pg_read_file(%s));",
									literal)
						  : 0,
				  errhidestmt(true)));
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
				 errdetail("Only the password protects the key in client.pfx."),
				 errhint("Give a password, or NULL for no client.pfx.")));
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
	show_earlier(directory);
	write_all(directory, &issued, ca);
	/* not a NOTICE, because scripts take all of psql's output for the returned path */
	show_end(issued.certificate, LOG);
	warn_unless_trusted(&authority);
	warn_of_other_root(&authority);
	return directory;
}
