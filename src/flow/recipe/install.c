/*
 * install.c
 *		Certificates given as texts, and the keys that wait for their certificates.
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/stat.h>

#include "miscadmin.h"
#include "storage/fd.h"
#include "utils/guc.h"

#include "flow/plan/baseline.h"
#include "flow/plan/hba_plan.h"
#include "flow/recipe/install.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "tls/certificate.h"
#include "tls/key.h"
#include "tls/openssl.h"

static char *
pending_path(const char *name)
{
	return castssl_path_in(castssl_state_path("pending"), name);
}

/* The key in a file, if it belongs to the certificate; NULL otherwise. */
static char *
key_that_fits(const char *path, X509 *x509)
{
	CastsslPem key = { .name = path };

	key.data = castssl_file_read_if_exists(path, CASTSSL_PEM_LIMIT, &key.length, NULL);
	if (key.data == NULL)
		return NULL;
	castssl_openssl_wipe_later(unconstify(char *, key.data), key.length);
	return castssl_key_fits(&key, x509) ? unconstify(char *, key.data) : NULL;
}

/* Path of the pending key for the certificate; its text in *key. */
static char *
find_pending(X509 *x509, char **key)
{
	char *folder = castssl_state_path("pending");
	DIR *directory = AllocateDir(folder);
	struct dirent *entry;
	char *path = NULL;

	if (directory == NULL && errno == ENOENT)
		return NULL;
	while (path == NULL && (entry = ReadDir(directory, folder)) != NULL)
	{
		if (entry->d_name[0] == '.')
			continue;
		*key = key_that_fits(pending_path(entry->d_name), x509);
		if (*key)
			path = pending_path(entry->d_name);
	}
	FreeDir(directory);
	return path;
}

static X509 *
read_leaf(const char *pem)
{
	CastsslCertificate certificate;
	CastsslFindings findings = { 0 };

	if (!castssl_certificates_read_first(pem, strlen(pem), "certificate", &certificate, &findings))
		castssl_raise_failure(&findings, ERRCODE_CONFIG_FILE_ERROR);
	return certificate.x509;
}

/*
 * Find the key of the certificate.  If it is a pending one, the plan removes it from the
 * pending keys.
 */
static void
find_key(CastsslPlan *plan, CastsslMaterial *material, const CastsslInstallOptions *options,
		 const char *folder)
{
	X509 *x509 = read_leaf(options->certificate);
	char *text = options->private_key;
	char *pending = NULL;
	char *current;
	struct stat st;

	if (text == NULL)
		pending = find_pending(x509, &text);
	if (text == NULL)
	{
		current = castssl_parameter_value("ssl_key_file");
		if (stat(castssl_path_in(DataDir, current), &st) == 0 || errno != ENOENT)
		{
			castssl_material_configured(material, CASTSSL_ROLE_KEY, current);
			if (castssl_key_fits(
					&(CastsslPem){ .name = material->files[CASTSSL_ROLE_KEY].name,
								   .data = material->files[CASTSSL_ROLE_KEY].data,
								   .length = material->files[CASTSSL_ROLE_KEY].length },
					x509))
				return;
		}
		ereport(
			ERROR,
			(errcode(ERRCODE_UNDEFINED_FILE),
			 errmsg("there is no private key for this certificate"),
			 errdetail(
				 "Neither a key that castssl_csr() made nor the current key \"%s\" belongs to it.",
				 current),
			 errhint(
				 "Let your CA sign the request of SELECT castssl_csr(...), or give private_key.")));
	}
	castssl_material_text(material, CASTSSL_ROLE_KEY, folder, "server.key", text);
	if (pending)
		castssl_plan_file(plan, pending, NULL, 0, 0);
}

/* The given text, or else the file in use. */
static void
set_role(CastsslMaterial *material, CastsslRole role, const char *folder, const char *name,
		 const char *text)
{
	if (text)
		castssl_material_text(material, role, folder, name, text);
	else
		castssl_material_configured(material, role,
									castssl_parameter_value(castssl_role_parameter(role)));
}

/* 22023 for texts that do not match each other. */
static void
check_options(const CastsslInstallOptions *options)
{
	if (options->certificate == NULL && options->private_key != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("private_key needs a certificate"),
						errdetail("A new key belongs to a new certificate."),
						errhint("Give both: castssl_install(certificate => ..., private_key => "
								"...).")));
	if (options->certificate == NULL && options->ca == NULL && options->crl == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("there is nothing to install"),
				 errdetail("certificate, ca and crl are all null."),
				 errhint("Give at least one of them, as a PEM text.")));
}

/* 55000 if only a CA or CRL is given, and the server does not have a certificate yet. */
static void
check_configured(const char *parameter)
{
	char *value = castssl_parameter_value(parameter);
	struct stat st;

	if (stat(castssl_path_in(DataDir, value), &st) < 0 && errno == ENOENT)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("this server has no certificate and key yet"),
						errdetail("Parameter \"%s\" names the file \"%s\", which does not exist.",
								  parameter, value),
						errhint("Install a certificate, too: castssl_install(certificate => ..., "
								"ca => ...).  SELECT castssl_csr(...) makes the request for it."),
						castssl_err_reason("castssl_no_certificate")));
}

CastsslPlan *
castssl_install_plan(const CastsslInstallOptions *options)
{
	CastsslPlan *plan = castssl_plan_new("install");
	CastsslMaterial *material = palloc0(sizeof(CastsslMaterial));
	char *folder = castssl_material_folder();

	check_options(options);
	if (options->certificate)
		find_key(plan, material, options, folder);
	else
	{
		check_configured("ssl_cert_file");
		check_configured("ssl_key_file");
		castssl_material_configured(material, CASTSSL_ROLE_KEY,
									castssl_parameter_value("ssl_key_file"));
	}
	set_role(material, CASTSSL_ROLE_CERTIFICATE, folder, "server.crt", options->certificate);
	set_role(material, CASTSSL_ROLE_CA, folder, "root.crt", options->ca);
	set_role(material, CASTSSL_ROLE_CRL, folder, "root.crl", options->crl);
	castssl_plan_material(plan, material);
	castssl_hba_plan_read(plan);
	castssl_plan_guard_ssl(plan);
	castssl_baseline_extend(plan);
	return plan;
}

char *
castssl_install_request(const char *key_type, const char *common_name, const CastsslNames *names)
{
	CastsslFindings findings = { 0 };
	EVP_PKEY *key = castssl_key_generate(key_type, &findings);
	char *request = NULL;
	char *text = NULL;
	char *path;
	size_t length;

	if (key)
		request = castssl_request_make(key, common_name, names, &findings);
	if (request)
		text = castssl_key_pem(key, &length, &findings);
	if (text == NULL)
		castssl_raise_failure(&findings, ERRCODE_INVALID_PARAMETER_VALUE);

	/* Named after the request, so that two keys never have the same name. */
	path = pending_path(psprintf("%s.key", castssl_file_hash(request, strlen(request))));
	castssl_directory_make(castssl_state_path(NULL));
	castssl_directory_make(castssl_state_path("pending"));
	castssl_file_replace(path, text, length, 0600, NULL);
	return request;
}
