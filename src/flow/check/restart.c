/*
 * restart.c
 *		The check whether the server would start again.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/words.h"
#include "flow/ask/unloaded.h"
#include "flow/check/checks.h"
#include "server/disk/paths.h"
#include "server/parameters.h"
#include "server/restart.h"

/*
 * A name without a folder is looked up in the data directory.  Is the file missing there, and
 * does it lie beside postgresql.conf?
 */
static bool
lies_beside(const char *name)
{
	struct stat st;

	return !is_absolute_path(name) && stat(castssl_path_in(DataDir, name), &st) != 0 &&
		   stat(castssl_path_in(castssl_path_folder(ConfigFileName), name), &st) == 0;
}

/* Is it one of the names that the reason begins with, "ssl_ciphers, ssl_groups: "? */
static bool
is_named(const char *problem, const char *parameter)
{
	size_t length = strlen(parameter);
	const char *end = problem + strcspn(problem, ":");

	for (const char *name = problem; name < end; name += strcspn(name, ":,"))
	{
		name += strspn(name, ", ");
		if (strncmp(name, parameter, length) == 0 && strchr(":,", name[length]) != NULL)
			return true;
	}
	return false;
}

/* Does the reason why the server would not start begin with the parameter, or with its file? */
static bool
names_parameter(const char *problem, const char *parameter)
{
	char *value = castssl_parameter_at_start(parameter);
	char *file = value[0] ? castssl_path_in(DataDir, value) : NULL;

	return is_named(problem, parameter) ||
		   (value[0] && strncmp(problem, psprintf("%s: ", value), strlen(value) + 2) == 0) ||
		   (file && strncmp(problem, psprintf("%s: ", file), strlen(file) + 2) == 0);
}

/*
 * The statement that takes back what ALTER SYSTEM has stored for a parameter that the reason names,
 * and that a restart would read; NULL: there is none.
 */
static char *
statement_for_restart(const char *problem)
{
	static const char *const names[] = { "hba_file", "shared_preload_libraries" };

	for (int i = 0; i < lengthof(names); i++)
	{
		const char *value = castssl_parameter_value(names[i]);
		const char *stored = castssl_parameter_stored(names[i]);

		/* a list of several would have to be written word by word */
		if (is_named(problem, names[i]) && stored && !castssl_same_text(stored, value) &&
			(strchr(value, ',') == NULL ||
			 castssl_same_text(castssl_parameter_value_if_reset(names[i]), value)))
			return castssl_unloaded_keep_statements(list_make1(unconstify(char *, names[i])));
	}
	return NULL;
}

/* The statements that put right the parameters that the reason names; NULL: it names none. */
static char *
parameter_statements(const char *problem)
{
	static const char *const tried[] = { "ssl_min_protocol_version", "ssl_max_protocol_version",
										 "ssl_tls13_ciphers", CASTSSL_GROUPS_PARAMETER };
	List *waiting = NIL;
	StringInfoData text;
	ListCell *cell;

	foreach (cell, castssl_parameters_waiting())
	{
		if (names_parameter(problem, lfirst(cell)))
			waiting = lappend(waiting, lfirst(cell));
	}
	if (waiting != NIL)
		return castssl_unloaded_keep_statements(waiting);
	if (statement_for_restart(problem))
		return statement_for_restart(problem);
	/* they are in effect, and new connections go on with what was loaded before */
	initStringInfo(&text);
	for (int i = 0; i < lengthof(tried); i++)
	{
		if (is_named(problem, tried[i]))
			appendStringInfo(
				&text, "%s ",
				castssl_parameter_statement(tried[i], castssl_parameter_built_in(tried[i])));
	}
	return text.len > 0 ? psprintf("%s" CASTSSL_CHECK_RELOAD, text.data) : NULL;
}

/*
 * The hint if certificate and key lie in the wrong folder, which is then the reason; NULL: they
 * do not.
 */
static char *
hint_of_folder(void)
{
	const char *folder = castssl_path_folder(ConfigFileName);
	char *certificate = castssl_parameter_at_start("ssl_cert_file");
	char *key = castssl_parameter_at_start("ssl_key_file");
	char *cert_word = castssl_sql_literal(castssl_path_in(folder, certificate));
	char *key_word = castssl_sql_literal(castssl_path_in(folder, key));

	if (!lies_beside(certificate) || !lies_beside(key) || cert_word == NULL || key_word == NULL)
		return NULL;
	return psprintf("The files lie beside postgresql.conf, but the server looks for names without "
					"a folder in the data directory.  Name the folder: SELECT * FROM "
					"castssl_enable(cert_file => %s, key_file => %s);",
					cert_word, key_word);
}

/* ---- the row of another check that says it, too, and how to mend it ---- */

/* Is the problem one of the findings? */
static bool
is_among(const CastsslFindings *findings, const char *problem)
{
	for (int i = 0; i < findings->count; i++)
	{
		const CastsslFinding *finding = &findings->items[i];

		if (strcmp(problem, psprintf("%s: %s", finding->subject, finding->message)) == 0)
			return true;
	}
	return false;
}

/* The check of an error about the file of the role; NULL: there is none. */
static const char *
check_of_file(const CastsslCheckScope *scope, CastsslRole role)
{
	const CastsslMaterialFile *file = &scope->material.files[role];

	if (scope->material_problem[role])
		return "files_readable";
	if (role == CASTSSL_ROLE_KEY && file->path && file->mode != 0)
		return "key_permissions";
	for (int i = 0; file->path && i < scope->judgement.count; i++)
	{
		const CastsslFinding *finding = &scope->judgement.items[i];

		if (finding->severity == CASTSSL_ERROR && castssl_same_text(finding->subject, file->name))
			return finding->check;
	}
	return NULL;
}

static const char *
check_of(const CastsslCheckScope *scope, const char *problem)
{
	if (scope->parameter_problem)
		return "parameters_in_effect";
	if (is_among(&scope->hba_findings, problem))
		return "hba_loads";
	if (castssl_restart_is_of_maps(problem))
		return "ident_loads";
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const char *parameter = castssl_role_parameter(role);

		if (names_parameter(problem, parameter) &&
			strcmp(castssl_parameter_at_start(parameter), castssl_parameter_value(parameter)) == 0)
			return check_of_file(scope, role);
	}
	return NULL;
}

static void
report_problem(CastsslCheckScope *scope, const char *problem)
{
	const char *hint = hint_of_folder();
	const char *other = hint ? NULL : check_of(scope, problem);
	const char *effect = castssl_restart_is_of_maps(problem) ? "no map works after a restart"
															 : "the server would not start again";

	if (other)
		castssl_check_report(scope, CASTSSL_ERROR, "server",
							 psprintf("%s: see the row %s", effect, other),
							 psprintf("First do what the row %s says.", other));
	else
	{
		if (hint == NULL)
			hint = parameter_statements(problem);
		castssl_check_report(scope, CASTSSL_ERROR, "server", castssl_restart_sentence(problem),
							 hint ? hint
								  : "Correct that, then: SELECT restart_safe, restart_problem FROM "
									"castssl_status();");
	}
}

void
castssl_check_restart_safe(CastsslCheckScope *scope)
{
	const char *problem;
	const char *key;

	if (scope->unreadable != NIL)
	{
		castssl_check_report(scope, CASTSSL_INFO, "server", "not checked: see parameters_in_effect",
							 NULL);
		return;
	}
	problem = scope->parameter_problem
				  ? scope->parameter_problem
				  : castssl_restart_problem_besides(&scope->hba_findings, CASTSSL_TLS_READ);
	if (problem)
		report_problem(scope, problem);
	else if ((key = castssl_restart_untried_key()) != NULL)
		castssl_check_report(scope, CASTSSL_INFO, key,
							 "the key is encrypted, and ssl_passphrase_command was not tried",
							 "SELECT * FROM castssl_enable(dry_run => true);");
}
