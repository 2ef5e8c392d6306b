/*
 * restart.c
 *		Would the server start with the files as they lie on disk now?
 */
#include "postgres.h"

#include "libpq/libpq.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "flow/material.h"
#include "flow/restart.h"
#include "server/loader.h"
#include "server/parameters.h"
#include "server/paths.h"
#include "utils/guc.h"

/* The value on disk: what is stored, or else what postgresql.conf says. */
static char *
value_on_disk(const char *name)
{
	char *stored = castssl_parameter_stored(name);

	return stored ? stored : castssl_parameter_value_if_reset(name);
}

/*
 * The server's loader is asked as for a reload.  At a start it may run
 * ssl_passphrase_command, whatever ssl_passphrase_command_supports_reload says.
 */
static bool
concerns_reload_only(const CastsslFinding *finding)
{
	return ssl_passphrase_command[0] != '\0' && finding->hint != NULL &&
		   strstr(finding->hint, "ssl_passphrase_command_supports_reload") != NULL;
}

static char *
first_problem(const CastsslFindings *findings)
{
	for (int i = 0; i < findings->count; i++)
	{
		const CastsslFinding *finding = &findings->items[i];

		if (finding->severity == CASTSSL_ERROR && !concerns_reload_only(finding))
			return psprintf("%s: %s", finding->subject, finding->message);
	}
	return NULL;
}

/* The pg_hba.conf of the next start: hba_file may wait for it. */
static char *
hba_file_on_disk(void)
{
	char *value = castssl_parameter_value_at_restart("hba_file");

	/* Where no file names it, the command line or the folder of config_file does. */
	return value && value[0] ? castssl_path_in(DataDir, value) : pstrdup(HbaFileName);
}

char *
castssl_restart_problem(bool may_ask_passphrase)
{
	CastsslFindings findings = { 0 };
	CastsslTlsFiles files;
	char *problem = castssl_parameter_file_problem();
	bool ssl;

	if (problem)
		return problem;
	(void) castssl_loader_check_hba(hba_file_on_disk(), &findings);
	if (parse_bool(value_on_disk("ssl"), &ssl) && ssl && may_ask_passphrase)
	{
		files.cert_file = value_on_disk("ssl_cert_file");
		files.key_file = value_on_disk("ssl_key_file");
		files.ca_file = value_on_disk("ssl_ca_file");
		files.crl_file = value_on_disk("ssl_crl_file");
		castssl_loader_check_tls(&files, &findings);
	}
	return first_problem(&findings);
}
