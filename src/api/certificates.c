/*
 * certificates.c
 *		castssl_certificates and castssl_certificate_info.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "api/arguments.h"
#include "api/entry.h"
#include "api/result.h"
#include "base/compat.h"
#include "change/attempt.h"
#include "change/worker.h"
#include "flow/plan/crls.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/raise.h"

extern PGDLLEXPORT Datum castssl_certificate_info(PG_FUNCTION_ARGS);
PG_FUNCTION_INFO_V1(castssl_certificate_info);

static void
add_rows(CastsslRows *rows, const char *role, const char *path,
		 const CastsslCertificates *certificates)
{
	for (int i = 0; i < certificates->count; i++)
	{
		CHECK_FOR_INTERRUPTS();
		castssl_rows_add_certificate(rows, role, path, &certificates->items[i]);
	}
}

typedef struct File
{
	const char *path;
	char *data; /* NULL: the file does not exist */
	size_t length;
} File;

static void
read_file(void *arg)
{
	File *file = arg;

	file->data = castssl_file_read_if_exists(castssl_path_resolve(file->path, false),
											 CASTSSL_CRL_LIMIT, &file->length, NULL);
}

/* Add the rows of one file that a parameter names; a WARNING if it cannot be read. */
static void
add_file(CastsslRows *rows, const char *role, const char *parameter, const char *path)
{
	File file = { .path = path };
	ErrorData *error = castssl_attempt(read_file, &file);
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };

	if (error && error->sqlerrcode != ERRCODE_UNDEFINED_FILE)
	{
		ereport(WARNING, (errcode(error->sqlerrcode), errmsg("%s", error->message),
						  error->detail ? errdetail("%s", error->detail) : 0));
		return;
	}
	if (file.data == NULL)
	{
		ereport(WARNING, (errcode(ERRCODE_UNDEFINED_FILE),
						  errmsg("file \"%s\", which parameter \"%s\" names, does not exist", path,
								 parameter)));
		return;
	}
	if (!castssl_certificates_read_facts(file.data, file.length, path, &certificates, &findings))
		ereport(WARNING,
				(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("%s", findings.items[0].message),
				 findings.items[0].detail ? errdetail("%s", findings.items[0].detail) : 0));
	add_rows(rows, role, path, &certificates);
}

static void
add_parameter(CastsslRows *rows, const char *role, const char *parameter)
{
	char *value = castssl_parameter_value(parameter);

	if (value[0] != '\0')
		add_file(rows, role, parameter, castssl_path_in(DataDir, value));
}

CASTSSL_FUNCTION(castssl_certificates)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	ListCell *cell;

	castssl_worker_tell();
	add_parameter(&rows, "server", "ssl_cert_file");
	add_parameter(&rows, "ca", "ssl_ca_file");
	add_parameter(&rows, "crl", "ssl_crl_file");
	foreach (cell, castssl_crl_directory_files())
		add_file(&rows, "crl", "ssl_crl_dir", lfirst(cell));
	return (Datum) 0;
}

/* castssl_certificate_info(pem) */
Datum
castssl_certificate_info(PG_FUNCTION_ARGS)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	char *pem = castssl_argument_pem(fcinfo, 0);
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };

	if (pem == NULL)
		return (Datum) 0;
	if (!castssl_certificates_read_facts(pem, strlen(pem), "pem", &certificates, &findings))
		castssl_raise_finding(&findings.items[0], ERRCODE_INVALID_PARAMETER_VALUE);
	add_rows(&rows, NULL, NULL, &certificates);
	return (Datum) 0;
}
