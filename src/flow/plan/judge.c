/*
 * judge.c
 *		Judges the TLS files on this host, at this moment.
 */
#include "postgres.h"

#include <time.h>
#include <unistd.h>

#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/varlena.h"

#include "base/settings.h"
#include "base/words.h"
#include "change/attempt.h"
#include "flow/plan/crls.h"
#include "flow/plan/judge.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "tls/set.h"
#include "tls/verify.h"

/*
 * Names that clients may use for this host: its own, those in listen_addresses, and localhost if
 * a loopback address is among them.
 */
static void
collect_host_names(CastsslTlsSet *set)
{
	char own[256];
	List *listen = NIL;
	ListCell *cell;

	set->nhost_names = 0;
	(void) SplitGUCList(pstrdup(ListenAddresses), ',', &listen);
	set->host_names = palloc((2 * list_length(listen) + 1) * sizeof(char *));
	if (gethostname(own, sizeof(own)) == 0)
	{
		own[sizeof(own) - 1] = '\0';
		set->host_names[set->nhost_names++] = pstrdup(own);
	}
	foreach (cell, listen)
	{
		const char *name = lfirst(cell);

		if (strcmp(name, "*") != 0 && strcmp(name, "0.0.0.0") != 0 && strcmp(name, "::") != 0)
			set->host_names[set->nhost_names++] = name;
		if (strcmp(name, "127.0.0.1") == 0 || strcmp(name, "::1") == 0)
			set->host_names[set->nhost_names++] = "localhost";
	}
}

static const char *
swapped_statement(const CastsslMaterial *material, const CastsslTlsSet *set)
{
	CastsslWhich which = castssl_material_call(material);

	if (castssl_pem_file(&set->certificate) == NULL || castssl_pem_file(&set->key) == NULL)
		return NULL;
	which.names[CASTSSL_ROLE_CERTIFICATE] = set->key.name;
	which.names[CASTSSL_ROLE_KEY] = set->certificate.name;
	return castssl_which_statement(&which);
}

/* Is repaired the file name with another suffix? */
static bool
is_repair_of(const char *name, const char *repaired)
{
	size_t length = strlen(name);

	return strncmp(name, repaired, length) == 0 &&
		   (strcmp(repaired + length, ".pem") == 0 || strcmp(repaired + length, ".crt") == 0);
}

/*
 * The file that the hint writes.  Where the server's account cannot write beside the original, COPY
 * goes to another folder, and the hint is changed.
 */
static const char *
writable_place(CastsslFinding *finding)
{
	const char *name = finding->repaired;
	char *other;
	char *end;
	const char *at;

	if (strstr(finding->hint, "COPY (") == NULL || access(castssl_path_folder(name), W_OK) == 0 ||
		castssl_sql_literal(name) == NULL)
		return name;
	other = castssl_path_free(castssl_material_folder(), castssl_path_base(name));
	end = psprintf(" TO %s;", castssl_sql_literal(name));
	at = strstr(finding->hint, end);
	if (at == NULL || castssl_sql_literal(other) == NULL)
		return name;
	finding->hint = psprintf("%.*s TO %s;%s", (int) (at - finding->hint), finding->hint,
							 castssl_sql_literal(other), at + strlen(end));
	return other;
}

/* Continue a hint that writes a file by the statement that names it. */
static void
add_statement(const CastsslMaterial *material, CastsslFinding *finding)
{
	CastsslWhich which = castssl_material_call(material);
	const char *written = writable_place(finding);
	char *statement;
	bool sql;

	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const char *name = castssl_material_pem(material, role).name;

		/* the subject is the key where it does not match a certificate that is not the first one */
		if (name == NULL || !is_repair_of(name, finding->repaired))
			continue;
		which.names[role] = written;
		if (finding->repaired_key && role <= CASTSSL_ROLE_KEY)
		{
			which.names[CASTSSL_ROLE_CERTIFICATE] = finding->repaired;
			which.names[CASTSSL_ROLE_KEY] = finding->repaired_key;
			break;
		}
	}
	statement = castssl_which_statement(&which);
	if (statement == NULL)
		return;
	sql = finding->hint[strlen(finding->hint) - 1] == ';';
	finding->hint = psprintf("%s%s%s", finding->hint, sql ? " " : "  Then: ", statement);
}

/* Where no CA has issued anything, as beside a self-signed certificate, none need be named. */
static void
add_without_ca(const CastsslMaterial *material, CastsslFinding *finding)
{
	CastsslWhich which = castssl_material_call(material);
	char *statement;

	which.names[CASTSSL_ROLE_CA] = "";
	statement = which.needs_ca ? NULL : castssl_which_statement(&which);
	if (statement)
		finding->hint =
			psprintf("%s  If no client has a certificate: %s", finding->hint, statement);
}

static void
read_root(void *arg)
{
	CastsslPem *pem = arg;

	pem->name = castssl_authority_path("root.crt");
	pem->data = castssl_file_read_if_exists(pem->name, CASTSSL_PEM_LIMIT, &pem->length, NULL);
}

/* The root of the small CA.  The row files_readable says why it cannot be read. */
static CastsslPem
root_of_authority(void)
{
	CastsslPem pem = { 0 };

	(void) castssl_attempt(read_root, &pem);
	return pem;
}

void
castssl_judge_material(const CastsslMaterial *material, CastsslFindings *findings,
					   CastsslCertificates *server, CastsslCertificates *ca)
{
	CastsslTlsSet set = { 0 };
	int before = findings->count;

	set.certificate = castssl_material_pem(material, CASTSSL_ROLE_CERTIFICATE);
	set.key = castssl_material_pem(material, CASTSSL_ROLE_KEY);
	set.ca = castssl_material_pem(material, CASTSSL_ROLE_CA);
	set.crl = castssl_crls_with_directory(castssl_material_pem(material, CASTSSL_ROLE_CRL));
	if (castssl_crls_are_none(&set.crl))
	{
		castssl_crl_directory_judge(findings);
		set.crl = (CastsslPem){ 0 };
	}
	set.authority = root_of_authority();
	set.now = (int64) time(NULL);
	set.expiry_warning = castssl_expiry_warning;
	collect_host_names(&set);
	set.swapped = swapped_statement(material, &set);
	castssl_tls_verify(&set, findings, server, ca, NULL);
	for (int i = before; i < findings->count; i++)
	{
		if (findings->items[i].repaired)
			add_statement(material, &findings->items[i]);
		else if (findings->items[i].severity == CASTSSL_ERROR && castssl_pem_file(&set.ca) &&
				 strcmp(findings->items[i].check, "ca_is_ca") == 0)
			add_without_ca(material, &findings->items[i]);
	}
}
