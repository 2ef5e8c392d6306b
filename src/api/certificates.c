/*
 * certificates.c
 *		castssl_certificates and castssl_certificate_info.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "api/arguments.h"
#include "api/result.h"
#include "change/worker.h"
#include "flow/preflight.h"
#include "server/files.h"
#include "server/parameters.h"
#include "server/paths.h"

PG_FUNCTION_INFO_V1(castssl_certificates);
PG_FUNCTION_INFO_V1(castssl_certificate_info);

/* Rows of what one parameter names; a WARNING where it cannot be read. */
static void
add_file(CastsslRows *rows, CastsslRole role)
{
	static const char *const role_names[] = { "server", NULL, "ca", "crl" };
	char *value = castssl_parameter_value(castssl_role_parameter(role));
	char *path;
	size_t length;
	char *data;
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };

	if (value[0] == '\0')
		return;
	path = castssl_path_in(DataDir, value);
	data = castssl_file_read_if_exists(castssl_path_resolve(path, false), CASTSSL_PEM_LIMIT,
									   &length, NULL);
	if (data == NULL)
	{
		ereport(WARNING, (errcode(ERRCODE_UNDEFINED_FILE),
						  errmsg("file \"%s\" of parameter %s does not exist", path,
								 castssl_role_parameter(role))));
		return;
	}
	if (!castssl_certificates_read(data, length, path, &certificates, &findings))
		ereport(WARNING,
				(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("%s", findings.items[0].message),
				 findings.items[0].detail ? errdetail("%s", findings.items[0].detail) : 0));
	for (int i = 0; i < certificates.count; i++)
		castssl_rows_add_certificate(rows, role_names[role], path, &certificates.items[i]);
}

Datum
castssl_certificates(PG_FUNCTION_ARGS)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);

	castssl_worker_stand_in();
	add_file(&rows, CASTSSL_ROLE_CERTIFICATE);
	add_file(&rows, CASTSSL_ROLE_CA);
	add_file(&rows, CASTSSL_ROLE_CRL);
	return (Datum) 0;
}

/* castssl_certificate_info(pem) */
Datum
castssl_certificate_info(PG_FUNCTION_ARGS)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	char *pem = castssl_argument_text(fcinfo, 0);
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };

	if (pem == NULL)
		return (Datum) 0;
	if (!castssl_certificates_read(pem, strlen(pem), "pem", &certificates, &findings))
		castssl_raise_finding(&findings.items[0], ERRCODE_INVALID_PARAMETER_VALUE);
	for (int i = 0; i < certificates.count; i++)
		castssl_rows_add_certificate(&rows, NULL, NULL, &certificates.items[i]);
	return (Datum) 0;
}
