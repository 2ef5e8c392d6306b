/*
 * configured.c
 *		Checks of what the parameters name: whose certificate it is, and which file decides.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/words.h"
#include "flow/check/checks.h"
#include "server/disk/paths.h"
#include "server/parameters.h"

static const char *
base_name(const char *path)
{
	const char *separator = last_dir_separator(path);

	return separator ? separator + 1 : path;
}

/* ---- whose certificate ---- */

void
castssl_check_certificate_origin(CastsslCheckScope *scope)
{
	const CastsslMaterialFile *file = &scope->material.files[CASTSSL_ROLE_CERTIFICATE];
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	const CastsslCertificate *own;

	if (!scope->ssl || file->path == NULL)
		return;
	if (strncmp(base_name(file->path), "ssl-cert-snakeoil", strlen("ssl-cert-snakeoil")) == 0)
		castssl_check_report(
			scope, CASTSSL_WARNING, file->name,
			"the certificate that Debian makes for tests: all copies of one image have the same "
			"private key",
			"Install a certificate of this server's own: castssl_enable(source_dir => '...'), or "
			"castssl_csr() and castssl_install().");
	else if (castssl_certificates_read_facts(file->data, file->length, file->name, &certificates,
											 &findings) &&
			 (own = castssl_certificates_first(&certificates)) != NULL && own->self_signed)
		castssl_check_report(
			scope, CASTSSL_INFO, file->name,
			"self-signed: each client needs a copy of this certificate, and a new one after each "
			"renewal",
			"With a CA clients keep one file: have the request of castssl_csr() signed, by a CA of "
			"yours or by castssl_create_ca() and castssl_sign().");
}

/* ---- paths in the folder of another cluster ---- */

/* The major that a part of the path is named after, from 9 to newest; 0: none is. */
static int
major_in(const char *path, int newest)
{
	for (const char *c = path; (c = strchr(c, '/')) != NULL; c++)
	{
		char *end;
		long major = strtol(c + 1, &end, 10);

		if (end != c + 1 && (*end == '/' || *end == '\0') && major >= 9 && major <= newest)
			return (int) major;
	}
	return 0;
}

/*
 * The statement that copies the files of TLS into the folder of postgresql.conf; NULL: they lie in
 * several folders.
 */
static char *
copy_statement(const CastsslCheckScope *scope)
{
	static const char *const arguments[] = { "cert_file", "key_file", "ca_file", "crl_file" };
	const char *folder = NULL;
	char *target = castssl_sql_literal(castssl_path_folder(ConfigFileName));
	StringInfoData statement;

	initStringInfo(&statement);
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const char *name = scope->material.files[role].name;
		char *literal = name ? castssl_sql_literal(base_name(name)) : NULL;

		if (name == NULL)
			continue;
		if (literal == NULL || (folder && strcmp(folder, castssl_path_folder(name)) != 0))
			return NULL;
		folder = castssl_path_folder(name);
		appendStringInfo(&statement, ", %s => %s", arguments[role], literal);
	}
	if (folder == NULL || target == NULL || castssl_sql_literal(folder) == NULL)
		return NULL;
	return psprintf("SELECT * FROM castssl_enable(source_dir => %s%s, target_dir => %s);",
					castssl_sql_literal(folder), statement.data, target);
}

static bool
is_same_folder(const struct stat *folder, const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && st.st_dev == folder->st_dev && st.st_ino == folder->st_ino;
}

static bool
has_file(const char *folder, const char *name)
{
	struct stat st;

	return stat(castssl_path_in(folder, name), &st) == 0;
}

/*
 * The data directory or the folder of the configuration of another server in which the file lies;
 * NULL: it lies in none, or in one of this server's own.
 */
static const char *
other_folder_of(const char *file)
{
	const char *folder = castssl_path_in(DataDir, file);

	do
	{
		struct stat st;

		folder = castssl_path_folder(folder);
		if (stat(folder, &st) != 0 || is_same_folder(&st, DataDir) ||
			is_same_folder(&st, castssl_path_folder(ConfigFileName)))
			return NULL;
		if (has_file(folder, "PG_VERSION") ||
			(has_file(folder, "postgresql.conf") && has_file(folder, "pg_hba.conf")))
			return folder;
	} while (strcmp(folder, castssl_path_folder(folder)) != 0);
	return NULL;
}

/* Is a part of the paths of this server named after its major? */
static bool
is_named_after_major(void)
{
	return major_in(DataDir, CASTSSL_SERVER_MAJOR) == CASTSSL_SERVER_MAJOR ||
		   major_in(ConfigFileName, CASTSSL_SERVER_MAJOR) == CASTSSL_SERVER_MAJOR;
}

/* Whose folder that is, a clause; NULL: this server's own, or nobody's. */
static const char *
other_owner_of(const char *file)
{
	const char *folder = other_folder_of(file);
	int older = is_named_after_major() ? major_in(file, CASTSSL_SERVER_MAJOR - 1) : 0;

	if (folder)
		return psprintf("in \"%s\", a folder of another cluster", folder);
	return older ? psprintf("in a folder of PostgreSQL %d", older) : NULL;
}

/* After pg_upgradecluster, say: the folder goes with the older cluster. */
void
castssl_check_other_cluster(CastsslCheckScope *scope)
{
	static const char *const names[] = { "ssl_cert_file", "ssl_key_file", "ssl_ca_file",
										 "ssl_crl_file",  "hba_file",     "ident_file" };
	StringInfoData found;
	const char *owner = NULL;
	char *copy;

	initStringInfo(&found);
	for (int i = 0; i < lengthof(names); i++)
	{
		const char *value = castssl_parameter_value(names[i]);
		const char *other = value[0] ? other_owner_of(value) : NULL;

		if (other == NULL)
			continue;
		owner = other;
		appendStringInfo(&found, "%s%s", found.len ? ", " : "", names[i]);
	}
	if (owner == NULL)
		return;
	copy = other_owner_of(HbaFileName) == NULL && other_owner_of(IdentFileName) == NULL
			   ? copy_statement(scope)
			   : NULL;
	castssl_check_report(
		scope, CASTSSL_WARNING, found.data,
		psprintf("%s, which goes when that cluster is dropped", owner),
		copy ? copy
			 : castssl_hint_naming("Copy the files to \"%s\", and have these parameters name them "
								   "there.",
								   castssl_path_folder(ConfigFileName)));
}

/* ---- two files of parameters ---- */

static bool
is_newer(const char *path, const char *other)
{
	struct stat a;
	struct stat b;

	return stat(path, &a) == 0 && stat(other, &b) == 0 && a.st_mtime > b.st_mtime;
}

/*
 * postgresql.conf was edited last, and says something else than what ALTER SYSTEM stored: who did
 * that may not know that it has no effect.
 */
void
castssl_check_two_values(CastsslCheckScope *scope)
{
	static const char *const names[] = { "ssl",
										 "ssl_cert_file",
										 "ssl_key_file",
										 "ssl_ca_file",
										 "ssl_crl_file",
										 "ssl_ciphers",
										 "ssl_min_protocol_version",
										 "listen_addresses" };
	StringInfoData found;
	StringInfoData reset;

	if (!is_newer(ConfigFileName, castssl_path_in(DataDir, PG_AUTOCONF_FILENAME)))
		return;
	initStringInfo(&found);
	initStringInfo(&reset);
	for (int i = 0; i < lengthof(names); i++)
	{
		char *stored = castssl_parameter_stored(names[i]);
		char *written = stored ? castssl_parameter_configured(names[i]) : NULL;

		if (written == NULL || strcmp(stored, written) == 0)
			continue;
		appendStringInfo(&found, "%s%s", found.len ? ", " : "", names[i]);
		appendStringInfo(&reset, "ALTER SYSTEM RESET %s; ", names[i]);
	}
	if (found.len > 0)
		castssl_check_report(
			scope, CASTSSL_INFO, found.data,
			"postgresql.conf was edited after ALTER SYSTEM stored another value in "
			"postgresql.auto.conf, which wins",
			psprintf("Where postgresql.conf is right: %sSELECT * FROM castssl_reload();  Else "
					 "remove the line there.",
					 reset.data));
}
