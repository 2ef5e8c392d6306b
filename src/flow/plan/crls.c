/*
 * crls.c
 *		The CRLs for checking client certificates: a file and a directory.
 */
#include "postgres.h"

#include <dirent.h>
#include <time.h>

#include <openssl/x509.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "storage/fd.h"

#include "base/words.h"
#include "change/attempt.h"
#include "flow/plan/crls.h"
#include "server/disk/closed.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "tls/certificate.h"

#define HASH_DIGITS 8

static char *
crl_directory(void)
{
	char *value = castssl_parameter_value("ssl_crl_dir");

	return value[0] != '\0' ? castssl_path_in(DataDir, value) : NULL;
}

/* A name like "0a1b2c3d.r0", which "openssl rehash" makes. */
static bool
is_hashed_name(const char *name)
{
	const char *number = name + HASH_DIGITS + 2;

	return strspn(name, "0123456789abcdef") == HASH_DIGITS &&
		   strncmp(name + HASH_DIGITS, ".r", 2) == 0 && number[0] != '\0' &&
		   strspn(number, "0123456789") == strlen(number);
}

static int
compare_paths(const ListCell *one, const ListCell *other)
{
	return strcmp(lfirst(one), lfirst(other));
}

List *
castssl_crl_directory_files(void)
{
	char *folder = crl_directory();
	List *paths = NIL;
	DIR *directory;
	struct dirent *entry;

	if (folder == NULL)
		return NIL;
	directory = AllocateDir(folder);
	/* castssl_crl_directory_judge() says why it cannot be read */
	while (directory && (entry = ReadDirExtended(directory, folder, LOG)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (is_hashed_name(entry->d_name))
			paths = lappend(paths, castssl_path_in(folder, entry->d_name));
	}
	if (directory)
		FreeDir(directory);
	list_sort(paths, compare_paths);
	return paths;
}

/* OpenSSL finds a CRL only by its issuer's hash: does the name of the file fit its first CRL? */
static bool
is_found(const char *path, const CastsslPem *pem)
{
	CastsslCertificates read = { 0 };
	CastsslFindings findings = { 0 };
	char *hash;

	if (!castssl_certificates_read(pem->data, pem->length, path, &read, &findings) ||
		read.items[0].crl == NULL)
		return false;
	hash = psprintf("%08lx", X509_NAME_hash(X509_CRL_get_issuer(read.items[0].crl)));
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the file is named HASH.rN */
	return strncmp(last_dir_separator(path) + 1, hash, HASH_DIGITS) == 0;
}

static void
read_crl(void *arg)
{
	CastsslPem *pem = arg;

	pem->data = castssl_file_read_if_exists(castssl_path_resolve(pem->name, false),
											CASTSSL_CRL_LIMIT, &pem->length, NULL);
}

void
castssl_crl_directory_problems(CastsslFindings *findings)
{
	ListCell *cell;

	foreach (cell, castssl_crl_directory_files())
	{
		CastsslPem pem = { .name = lfirst(cell) };
		ErrorData *error = castssl_attempt(read_crl, &pem);

		if (error)
			castssl_finding_add(
				findings, CASTSSL_ERROR, "files_readable", pem.name, error->message, error->detail,
				castssl_closed_is(pem.name) ? castssl_closed_hint(pem.name) : error->hint);
		else if (pem.data)
			pfree(unconstify(char *, pem.data));
	}
}

#define NO_CRLS                                                                                    \
	"  To check for no revoked certificates: ALTER SYSTEM SET ssl_crl_dir = ''; SELECT * FROM "    \
	"castssl_reload();"

static bool
has_files(DIR *directory, const char *folder)
{
	struct dirent *entry;
	bool found = false;

	while ((entry = ReadDirExtended(directory, folder, LOG)) != NULL)
		found = found || entry->d_name[0] != '.';
	return found;
}

/* How to let the server's account read a folder of CRLs, which are no secret. */
static char *
opening_hint(const char *folder)
{
	char *hint = castssl_directory_opening_hint(folder);

	return hint ? hint
				: castssl_hint_with("Run as root: chmod o+rx %s", castssl_shell_word(folder));
}

void
castssl_crl_directory_judge(CastsslFindings *findings)
{
	char *folder = crl_directory();
	char *word = castssl_shell_word(folder);
	DIR *directory = AllocateDir(folder);
	const char *message = "\"%s\" holds no CRL under a name by which OpenSSL finds it";
	const char *hint = "Put the CRLs there as files that end in .pem, and run: openssl rehash %s";

	if (directory == NULL && errno == EACCES)
	{
		message = "\"%s\" cannot be read";
		hint = opening_hint(folder);
	}
	else if (directory == NULL)
	{
		message = errno == ENOENT ? "\"%s\" does not exist" : "\"%s\" is not a directory";
		hint = "Put the directory of the CRLs back." NO_CRLS;
	}
	else if (!has_files(directory, folder))
		message = "\"%s\" is empty";
	if (directory)
		FreeDir(directory);
	castssl_finding_add(findings, CASTSSL_ERROR, "crl_parse", folder,
						castssl_hint_with(message, folder),
						"ssl_crl_dir names it.  The server refuses every client certificate: it "
						"looks for CRLs there by a hash of the issuer's name.",
						hint ? castssl_hint_with(hint, word) : NULL);
}

CastsslPem
castssl_crls_with_directory(CastsslPem file)
{
	char *folder = crl_directory();
	StringInfoData text;
	ListCell *cell;

	if (folder == NULL)
		return file;
	initStringInfo(&text);
	if (file.data)
	{
		appendBinaryStringInfo(&text, file.data, file.length);
		appendStringInfoChar(&text, '\n');
	}
	foreach (cell, castssl_crl_directory_files())
	{
		CastsslPem pem = { .name = lfirst(cell) };

		CHECK_FOR_INTERRUPTS();
		/* like OpenSSL, skip what cannot be read */
		(void) castssl_attempt(read_crl, &pem);
		if (pem.data == NULL || !is_found(pem.name, &pem))
			continue;
		appendBinaryStringInfo(&text, pem.data, pem.length);
		appendStringInfoChar(&text, '\n');
	}
	return (CastsslPem){ .name = file.data ? psprintf("%s and %s", file.name, folder) : folder,
						 .data = text.data,
						 .length = text.len,
						 .in_memory = true };
}

bool
castssl_crls_are_none(const CastsslPem *crls)
{
	return crls->data && crls->length == 0 && crls->in_memory;
}

CastsslClientTerms
castssl_client_terms(const CastsslMaterial *material, const char *ciphers)
{
	return (CastsslClientTerms){ .ca = castssl_material_pem(material, CASTSSL_ROLE_CA),
								 .crl = castssl_crls_with_directory(
									 castssl_material_pem(material, CASTSSL_ROLE_CRL)),
								 .ciphers = ciphers };
}

/* NULL material: the file in use. */
static CastsslPem
pem_of(const CastsslMaterial *material, CastsslRole role)
{
	return material ? castssl_material_pem(material, role) : castssl_material_pem_in_use(role);
}

const CastsslCertificates *
castssl_crls_in_force(const CastsslMaterial *material)
{
	CastsslCertificates *crls = palloc0(sizeof(CastsslCertificates));
	CastsslFindings findings = { 0 };
	CastsslPem pem = castssl_crls_with_directory(pem_of(material, CASTSSL_ROLE_CRL));

	if (pem.data == NULL)
		return NULL;
	if (pem.length > 0 &&
		!castssl_certificates_read(pem.data, pem.length, pem.name, crls, &findings))
		return NULL;
	return crls;
}

const CastsslIssuers *
castssl_issuers_in_force(const CastsslMaterial *material, const CastsslCertificates *crls)
{
	CastsslCertificates authorities = { 0 };
	CastsslFindings findings = { 0 };
	CastsslPem pem = pem_of(material, CASTSSL_ROLE_CA);

	if (pem.data == NULL ||
		!castssl_certificates_read(pem.data, pem.length, pem.name, &authorities, &findings))
		return NULL;
	return castssl_client_issuers(&authorities, crls, (int64) time(NULL));
}
