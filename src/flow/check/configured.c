/*
 * configured.c
 *		Checks of what the parameters name: whose certificate it is, and which file decides.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/words.h"
#include "flow/check/checks.h"
#include "flow/check/reload.h"
#include "server/disk/paths.h"
#include "server/hba_files.h"
#include "server/other_cluster.h"
#include "server/parameters.h"
#include "tls/openssl.h"

/* ---- whose certificate ---- */

#define DEBIANS_CERTIFICATE "/etc/ssl/certs/ssl-cert-snakeoil.pem"

/* Does the file hold Debian's certificate for tests, or another one with its key? */
static bool
has_debians_key(const CastsslMaterialFile *file)
{
	CastsslFindings findings = { 0 };
	CastsslCertificate own;
	CastsslCertificate debians;
	size_t length;
	int error;
	char *pem = castssl_hba_file_bytes(DEBIANS_CERTIFICATE, &length, &error);

	return pem &&
		   castssl_certificates_read_first(pem, length, DEBIANS_CERTIFICATE, &debians, &findings) &&
		   castssl_certificates_read_first(file->data, file->length, file->name, &own, &findings) &&
		   castssl_openssl_has_key(own.x509, X509_get0_pubkey(debians.x509));
}

void
castssl_check_certificate_origin(CastsslCheckScope *scope)
{
	const CastsslMaterialFile *file = &scope->material.files[CASTSSL_ROLE_CERTIFICATE];
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	const CastsslCertificate *own;

	if (!scope->ssl || file->path == NULL)
		return;
	if (strncmp(castssl_path_base(file->path), "ssl-cert-snakeoil", strlen("ssl-cert-snakeoil")) ==
			0 ||
		has_debians_key(file))
		castssl_check_report(
			scope, CASTSSL_WARNING, file->name,
			"Debian's certificate for tests: all copies of one image have the same private key",
			"Install a certificate of this server's own: castssl_enable(source_dir => '...'), or "
			"castssl_csr() and castssl_install().");
	else if (castssl_certificates_read_facts(file->data, file->length, file->name, &certificates,
											 &findings) &&
			 (own = castssl_certificates_first(&certificates)) != NULL && own->self_signed)
		castssl_check_report(
			scope, CASTSSL_INFO, file->name,
			"self-signed: each client needs a copy of this certificate, and a new one after each "
			"renewal",
			"With a CA, clients keep one file.  Let your CA sign the request of castssl_csr(), or "
			"use castssl_create_ca() and castssl_sign().");
}

/* ---- paths in the folder of another cluster ---- */

/*
 * The statement that copies the files of TLS into the folder of postgresql.conf; NULL: they lie in
 * several folders, or are links in that folder, which the call would follow.
 */
static char *
copy_statement(const CastsslCheckScope *scope)
{
	const char *folder = NULL;
	char *target = castssl_sql_literal(castssl_path_folder(ConfigFileName));
	StringInfoData statement;

	initStringInfo(&statement);
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const char *name = scope->material.files[role].name;
		char *literal = name ? castssl_sql_literal(castssl_path_base(name)) : NULL;

		if (name == NULL)
			continue;
		if (literal == NULL || (folder && strcmp(folder, castssl_path_folder(name)) != 0))
			return NULL;
		folder = castssl_path_folder(name);
		if (strcmp(folder, castssl_path_folder(ConfigFileName)) == 0)
			return NULL;
		appendStringInfo(&statement, ", %s => %s", castssl_role_argument(role), literal);
	}
	if (folder == NULL || target == NULL || castssl_sql_literal(folder) == NULL)
		return NULL;
	return psprintf("SELECT * FROM castssl_enable(source_dir => %s%s, target_dir => %s);",
					castssl_sql_literal(folder), statement.data, target);
}

/* As castssl_other_cluster_owner(), for a folder too, which may be the very one. */
static const char *
owner_of_path(const char *path)
{
	const char *owner = castssl_other_cluster_owner(path);

	return owner ? owner : castssl_other_cluster_owner(castssl_path_in(path, "postgresql.conf"));
}

static const char *
owner_of_listed(const char *value)
{
	const char *owner = NULL;
	List *paths = NIL;
	ListCell *cell;

	(void) SplitDirectoriesString(pstrdup(value), ',', &paths);
	foreach (cell, paths)
		owner = owner ? owner : owner_of_path(lfirst(cell));
	return owner;
}

/* Of a shell command: the program, or another file that is named in it. */
static const char *
owner_of_command(const char *command)
{
	static const char separators[] = " \t\n'\"\\;|&<>()$`=";
	const char *owner = NULL;

	while (owner == NULL && *(command += strspn(command, separators)) != '\0')
	{
		size_t length = strcspn(command, separators);

		if (*command == '/')
			owner = castssl_other_cluster_owner(pnstrdup(command, length));
		command += length;
	}
	return owner;
}

typedef struct Found
{
	StringInfoData names; /* parameters, as a list */
	const char *owner;    /* of the last one; NULL: none was found */
} Found;

static void
find(Found *found, const char *name, const char *(*owner_of)(const char *) )
{
	const char *value = castssl_parameter_value(name);
	const char *owner = value[0] ? owner_of(value) : NULL;

	if (owner == NULL)
		return;
	found->owner = owner;
	castssl_append_listed(&found->names, name);
}

static void
report_found(CastsslCheckScope *scope, const Found *found, const char *hint)
{
	if (found->owner)
		castssl_check_report(
			scope, CASTSSL_WARNING, found->names.data,
			psprintf("%s, which is removed when that cluster is dropped", found->owner), hint);
}

/* What names a file or a folder, and whether copy_statement() copies it. */
static const struct
{
	const char *name;
	const char *(*owner_of)(const char *value);
	bool is_copied;
} named[] = {
	{ "ssl_cert_file", castssl_other_cluster_owner, true },
	{ "ssl_key_file", castssl_other_cluster_owner, true },
	{ "ssl_ca_file", castssl_other_cluster_owner, true },
	{ "ssl_crl_file", castssl_other_cluster_owner, true },
	{ "ssl_crl_dir", owner_of_path, false },
	{ "ssl_dh_params_file", castssl_other_cluster_owner, false },
	{ "ssl_passphrase_command", owner_of_command, false },
	{ "castssl.ca_directory", owner_of_path, false },
	{ "castssl.allowed_directories", owner_of_listed, false },
	{ "hba_file", castssl_other_cluster_owner, false },
	{ "ident_file", castssl_other_cluster_owner, false },
};

/* For example after pg_upgradecluster: the folder is removed with the older cluster. */
void
castssl_check_other_cluster(CastsslCheckScope *scope)
{
	Found copied = { 0 };
	Found other = { 0 };
	char *copy;

	/* a call that might have to write another cluster's rules is no advice */
	copy = castssl_other_cluster_owner(HbaFileName) == NULL &&
				   castssl_other_cluster_owner(IdentFileName) == NULL
			   ? copy_statement(scope)
			   : NULL;
	initStringInfo(&copied.names);
	initStringInfo(&other.names);
	for (int i = 0; i < lengthof(named); i++)
		find(copy && named[i].is_copied ? &copied : &other, named[i].name, named[i].owner_of);
	report_found(scope, &copied, castssl_check_hint_that_loads(scope, copy));
	report_found(
		scope, &other,
		castssl_hint_naming("Copy the files to \"%s\", also in place of links to them, and "
							"let these parameters name the copies.",
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

/* The value of a parameter once its stored value is gone. */
static char *
value_in_file(const char *name)
{
	char *written = castssl_parameter_stored(name) ? castssl_parameter_configured(name) : NULL;

	return written ? written : castssl_parameter_at_start(name);
}

/*
 * Of these, a new value needs a restart.  hba_file and ident_file are not looked at: another file
 * is another policy, which nobody has compared.
 */
static const char *const at_start[] = { "listen_addresses", "castssl.max_clients" };

static bool
is_at_start(const char *name)
{
	for (int i = 0; i < lengthof(at_start); i++)
	{
		if (strcmp(name, at_start[i]) == 0)
			return true;
	}
	return false;
}

static bool
is_looked_at(const char *name)
{
	return strncmp(name, "ssl", 3) == 0 || strncmp(name, "castssl.", 8) == 0 ||
		   strcmp(name, "password_encryption") == 0 || is_at_start(name);
}

/* What would be wrong with the values of postgresql.conf; NULL: nothing. */
static char *
problem_in_file(const List *names)
{
	const ListCell *cell;
	char *problem;

	/* as long as the stored value wins, the server does not read these */
	foreach (cell, names)
	{
		const char *name = lfirst(cell);

		if (!castssl_parameter_takes(name, value_in_file(name)))
			return psprintf("the server refuses the value of %s", name);
	}
	problem = castssl_check_values(value_in_file);
	return problem ? problem : castssl_restart_tls_problem(value_in_file, CASTSSL_TLS_READ);
}

/* The parameters whose later edit in a configuration file has no effect. */
static List *
overridden(void)
{
	const char *stored_in = castssl_path_in(DataDir, PG_AUTOCONF_FILENAME);
	List *names = NIL;
	ListCell *cell;

	foreach (cell, castssl_parameters_stored())
	{
		char *name = lfirst(cell);
		char *written = is_looked_at(name) ? castssl_parameter_configured(name) : NULL;

		if (written && strcmp(castssl_parameter_stored(name), written) != 0 &&
			is_newer(castssl_parameter_configured_in(name), stored_in))
			names = lappend(names, name);
	}
	return names;
}

/* "postgresql.conf", or the path of a file that it includes. */
static const char *
file_name_of(const char *path)
{
	return strcmp(path, ConfigFileName) == 0 ? castssl_path_base(path) : path;
}

/*
 * A configuration file was edited last, and has another value than the one that ALTER SYSTEM
 * stored.  Its editor may not know that the edit has no effect.
 */
void
castssl_check_two_values(CastsslCheckScope *scope)
{
	List *names = overridden();
	StringInfoData found;
	StringInfoData files;
	StringInfoData reset;
	List *listed = NIL;
	bool restart = false;
	char *problem;
	ListCell *cell;

	if (names == NIL)
		return;
	initStringInfo(&found);
	initStringInfo(&files);
	initStringInfo(&reset);
	foreach (cell, names)
	{
		const char *name = lfirst(cell);
		const char *file = file_name_of(castssl_parameter_configured_in(name));
		Node *value = (Node *) makeString(unconstify(char *, file));

		castssl_append_listed(&found, name);
		if (!list_member(listed, value))
			castssl_append_listed(&files, file);
		listed = lappend(listed, value);
		appendStringInfo(&reset, "ALTER SYSTEM RESET %s; ", name);
		restart = restart || is_at_start(name);
	}
	problem = problem_in_file(names);
	castssl_check_report(
		scope, CASTSSL_INFO, found.data,
		psprintf("edited in %s after ALTER SYSTEM stored another value in postgresql.auto.conf, "
				 "which wins",
				 files.data),
		problem
			? psprintf("The values in %s cannot work: %s.  Remove them from %s, or correct them.",
					   files.data, problem, files.data)
			: castssl_check_hint_that_loads(
				  scope, psprintf("If %s is right: %sSELECT * FROM castssl_reload();%s  If "
								  "not, remove the line from %s.",
								  files.data, reset.data,
								  restart ? "  Then restart the server." : "", files.data)));
}
