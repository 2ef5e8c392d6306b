/*
 * restart.c
 *		Would the server start with the files that are on disk now?
 */
#include "postgres.h"

#include <sys/stat.h>

#include "libpq/libpq.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "base/compat.h"
#include "server/disk/paths.h"
#include "server/hba_files.h"
#include "server/loader.h"
#include "server/loader_hba.h"
#include "server/parameters.h"
#include "server/restart.h"
#include "server/startup.h"
#include "server/unreadable.h"
#include "tls/key.h"
#include "tls/pem.h"

#define NO_MAP "no map works after a restart: the server refuses "

/* The loader runs as for a reload, which may not run ssl_passphrase_command; a start may. */
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

/*
 * With an invalid pg_ident.conf PostgreSQL starts without maps, and refuses everybody whose rule
 * names one.
 */
static char *
map_problem(void)
{
	const CastsslIdent *ident = castssl_hba_files_read(NULL, 0)->ident;
	char *problem = ident ? castssl_ident_file_problem(ident) : NULL;

	return problem ? psprintf(NO_MAP "%s", problem) : NULL;
}

char *
castssl_restart_tls_problem(char *(*value)(const char *name), CastsslTryTls try_tls)
{
	CastsslFindings findings = { 0 };
	CastsslTlsFiles files = { .at_start = true, .ask_passphrase = try_tls == CASTSSL_TLS_ASK };
	bool ssl;

	if (try_tls == CASTSSL_TLS_KNOWN || !parse_bool(value("ssl"), &ssl) || !ssl)
		return NULL;
	files.cert_file = value("ssl_cert_file");
	files.key_file = value("ssl_key_file");
	files.ca_file = value("ssl_ca_file");
	files.crl_file = value("ssl_crl_file");
	files.dh_params_file = value("ssl_dh_params_file");
	files.min_version = value("ssl_min_protocol_version");
	files.max_version = value("ssl_max_protocol_version");
	files.ciphers = value("ssl_ciphers");
	files.groups = value(CASTSSL_GROUPS_PARAMETER);
	files.suites = value("ssl_tls13_ciphers");
	castssl_loader_check_tls(&files, &findings);
	return first_problem(&findings);
}

char *
castssl_restart_problem_besides(const CastsslFindings *hba, CastsslTryTls try_tls)
{
	char *hba_file = hba_file_on_disk();
	CastsslFindings findings = { 0 };
	char *problem;
	struct stat st;

	if (stat(hba_file, &st) != 0 && errno == ENOENT)
		problem = psprintf("hba_file: \"%s\" does not exist", hba_file);
	else if (hba && strcmp(hba_file, HbaFileName) == 0)
		problem = first_problem(hba);
	else
	{
		castssl_loader_check_hba_live(castssl_hba_files_read_from(hba_file), hba_file, &findings);
		problem = first_problem(&findings);
		if (problem && strcmp(hba_file, HbaFileName) != 0)
			problem = psprintf("hba_file: %s", problem);
	}
	if (problem == NULL)
		problem = castssl_restart_tls_problem(castssl_parameter_at_start, try_tls);
	if (problem == NULL)
		problem = castssl_startup_problem();
	return problem ? problem : map_problem();
}

char *
castssl_restart_untried_key(void)
{
	char *path = castssl_path_in(DataDir, castssl_parameter_at_start("ssl_key_file"));
	CastsslPem key;
	bool ssl;

	if (!parse_bool(castssl_parameter_at_start("ssl"), &ssl) || !ssl ||
		castssl_parameter_at_start("ssl_passphrase_command")[0] == '\0')
		return NULL;
	key = castssl_loader_key(path);
	return key.data != NULL && castssl_key_is_encrypted(&key) ? path : NULL;
}

bool
castssl_restart_is_of_maps(const char *problem)
{
	return strncmp(problem, NO_MAP, strlen(NO_MAP)) == 0;
}

char *
castssl_restart_sentence(const char *problem)
{
	return castssl_restart_is_of_maps(problem)
			   ? pstrdup(problem)
			   : psprintf("the server would not start again: %s", problem);
}

char *
castssl_restart_problem(const CastsslFindings *hba, CastsslTryTls try_tls)
{
	List *closed = castssl_unreadable_parameters();
	char *problem = closed ? psprintf("\"%s\" cannot be read: %s", (char *) linitial(closed),
									  castssl_unreadable_effect(linitial(closed)))
						   : castssl_parameter_file_problem();

	return problem ? problem : castssl_restart_problem_besides(hba, try_tls);
}
