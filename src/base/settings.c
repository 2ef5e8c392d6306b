/*
 * settings.c
 *		The extension's own parameters (castssl.*).
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "base/compat.h"
#include "base/fault.h"
#include "base/settings.h"

int castssl_verify_timeout = 5000;
int castssl_expiry_warning = 30 * 24 * 60 * 60;
int castssl_keep_changes = 20;
char *castssl_allowed_directories = NULL;
char *castssl_ca_directory = NULL;

void
castssl_settings_define(void)
{
	DefineCustomIntVariable("castssl.verify_timeout",
							"Time to wait for a reload, and for the handshake that proves it.",
							"After this time the change is undone.", &castssl_verify_timeout, 5000,
							100, 600 * 1000, PGC_SUSET, GUC_UNIT_MS, NULL, NULL, NULL);
	DefineCustomIntVariable("castssl.expiry_warning",
							"Warns this long before a certificate or a CRL expires.",
							"A short-lived one is reported in the last third of its lifetime; a "
							"certificate at least in its last 3 days, a CRL in its last 6 hours.",
							&castssl_expiry_warning, 30 * 24 * 60 * 60, 0, INT_MAX, PGC_SUSET,
							GUC_UNIT_S, NULL, NULL, NULL);
	DefineCustomIntVariable("castssl.keep_changes",
							"Number of finished changes that can still be rolled back.",
							"The files as they were before, also old private keys, stay in the "
							"data directory.  Only the server's account can read them.",
							&castssl_keep_changes, 20, 0, 10000, PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomStringVariable(
		"castssl.allowed_directories",
		"Directories from and to which callers who are not superusers may install files.",
		"A list with commas.  The data directory and the folder of config_file are always allowed.",
		&castssl_allowed_directories, "", PGC_SIGHUP, GUC_LIST_INPUT | GUC_SUPERUSER_ONLY, NULL,
		NULL, NULL);
	DefineCustomStringVariable(
		"castssl.ca_directory", "Directory of the small CA that castssl_create_ca() makes.",
		"A relative path begins at the data directory.  Empty means pg_castssl/ca in the data "
		"directory: then base backups hold the CA's private key.",
		&castssl_ca_directory, "", PGC_SIGHUP, GUC_SUPERUSER_ONLY, NULL, NULL, NULL);
	castssl_fault_define();

	MarkGUCPrefixReserved("castssl");
}
