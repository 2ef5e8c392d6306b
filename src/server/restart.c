/*
 * restart.c
 *		Would the server start with the files that are on disk now?
 */
#include "postgres.h"

#include "libpq/libpq.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "server/disk/paths.h"
#include "server/hba_files.h"
#include "server/loader.h"
#include "server/loader_hba.h"
#include "server/parameters.h"
#include "server/restart.h"
#include "server/startup.h"

#define NO_MAP "no map works after a restart: the server refuses "

/*
 * The server's loader is asked as for a reload, and without ssl_passphrase_command,
 * which a start runs.
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

/* The pg_hba.conf of the next start: a new value of hba_file may wait for it. */
static char *
hba_file_on_disk(void)
{
	char *value = castssl_parameter_on_disk("hba_file");

	/* If no file sets it, the command line or the folder of config_file does. */
	return value && value[0] ? castssl_path_in(DataDir, value) : pstrdup(HbaFileName);
}

/* PostgreSQL starts without its maps, and then refuses everybody whose rule names one. */
static char *
map_problem(void)
{
	const CastsslIdent *ident = castssl_hba_files_read(NULL, 0)->ident;
	char *problem = ident ? castssl_ident_file_problem(ident) : NULL;

	return problem ? psprintf(NO_MAP "%s", problem) : NULL;
}

char *
castssl_restart_problem_besides(const CastsslFindings *hba, bool try_tls)
{
	char *hba_file = hba_file_on_disk();
	CastsslFindings findings = { 0 };
	char *problem;
	bool ssl;

	if (hba && strcmp(hba_file, HbaFileName) == 0)
	{
		problem = first_problem(hba);
		if (problem)
			return problem;
	}
	else
		castssl_loader_check_hba_live(castssl_hba_files_read_from(hba_file), hba_file, &findings);
	if (parse_bool(castssl_parameter_at_start("ssl"), &ssl) && ssl && try_tls)
	{
		CastsslTlsFiles files = { .cert_file = castssl_parameter_at_start("ssl_cert_file"),
								  .key_file = castssl_parameter_at_start("ssl_key_file"),
								  .ca_file = castssl_parameter_at_start("ssl_ca_file"),
								  .crl_file = castssl_parameter_at_start("ssl_crl_file"),
								  .dh_params_file =
									  castssl_parameter_at_start("ssl_dh_params_file"),
								  .at_start = true };

		castssl_loader_check_tls(&files, &findings);
	}
	problem = first_problem(&findings);
	if (problem == NULL)
		problem = castssl_startup_problem();
	return problem ? problem : map_problem();
}

char *
castssl_restart_sentence(const char *problem)
{
	return strncmp(problem, NO_MAP, strlen(NO_MAP)) == 0
			   ? pstrdup(problem)
			   : psprintf("the server would not start again: %s", problem);
}

char *
castssl_restart_problem(const CastsslFindings *hba, bool try_tls)
{
	char *problem = castssl_parameter_file_problem();

	return problem ? problem : castssl_restart_problem_besides(hba, try_tls);
}
