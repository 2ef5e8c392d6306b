/*
 * check.c
 *		All the checks: everything that is wrong at this moment.
 */
#include "postgres.h"

#include "utils/builtins.h"

#include "base/majors.h"
#include "change/attempt.h"
#include "flow/check/check.h"
#include "flow/check/checks.h"
#include "flow/check/fold.h"
#include "flow/check/reload.h"
#include "flow/check/scope.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/judge.h"
#include "flow/recipe/staging.h"
#include "hba/access/unreachable.h"
#include "server/disk/closed.h"
#include "server/hba_files.h"
#include "server/loader_hba.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/process/query.h"
#include "server/unreadable.h"
#include "server/world.h"

static const struct
{
	const char *name;
	void (*run)(CastsslCheckScope *scope);
	CastsslSeverity worst;
} checks[] = {
#define ROW(name, run, worst, title) { #name, castssl_check_##run, worst },
	CASTSSL_CHECKS(ROW)
#undef ROW
};

/* Do these checks say who gets in by a line? */
static bool
is_about_access(const char *check)
{
	static const char *const names[] = { "hba_plaintext",  "hba_trust",      "hba_password",
										 "hba_md5",        "hba_clientcert", "hba_cert_users",
										 "hba_superusers", "hba_replication" };

	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(names[i], check) == 0)
			return true;
	}
	return false;
}

/*
 * The message of a row about a line (or several, of which the first counts).  If nobody has loaded
 * its file, other rules may be in force, and the message says so.
 */
static const char *
said_of_file(const CastsslCheckScope *scope, const char *subject, const char *message)
{
	ListCell *cell;

	if (!is_about_access(scope->check) || subject == NULL)
		return message;
	foreach (cell, scope->unloaded_rules)
	{
		for (int i = 0; i < scope->policy->nfiles; i++)
		{
			char *name = psprintf("%s:", castssl_hba_plan_file(scope->policy, i));

			if (strcmp(scope->policy->files[i]->path, lfirst(cell)) == 0 &&
				strncmp(subject, name, strlen(name)) == 0)
				return psprintf("by the file, which is not loaded: %s", message);
		}
	}
	return message;
}

void
castssl_check_report(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
					 const char *message, const char *hint)
{
	Assert(severity <= scope->worst);
	castssl_finding_add(scope->findings, severity, scope->check, subject,
						said_of_file(scope, subject, message), NULL, hint);
}

/* Our functions that the caller may not call: their names. */
static List *
read_forbidden(void)
{
	return castssl_query_column(
		psprintf("SELECT proname FROM pg_catalog.pg_proc"
				 " WHERE pg_catalog.starts_with(proname::text, 'castssl_')"
				 " GROUP BY proname HAVING NOT pg_catalog.bool_or("
				 "pg_catalog.has_function_privilege(%u::pg_catalog.oid, oid, 'EXECUTE'))",
				 castssl_caller()));
}

/* May the caller run these statements? */
static bool
may_type(CastsslCheckScope *scope, const char *statements)
{
	ListCell *cell;

	if (castssl_caller_is_superuser())
		return true;
	if (strstr(statements, "ALTER SYSTEM") != NULL)
		return false;
	if (!scope->forbidden_known)
		scope->forbidden = read_forbidden();
	scope->forbidden_known = true;
	foreach (cell, scope->forbidden)
	{
		if (strstr(statements, psprintf("%s(", (char *) lfirst(cell))) != NULL)
			return false;
	}
	return true;
}

void
castssl_check_report_fix(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
						 const char *message, const char *fix)
{
	const char *first = castssl_check_unloaded_first(scope);
	CastsslFinding *finding;

	if (first)
	{
		castssl_check_report(scope, severity, subject, message, first);
		return;
	}
	if (!may_type(scope, fix))
	{
		castssl_check_report(scope, severity, subject, message, psprintf("A superuser: %s", fix));
		return;
	}
	castssl_check_report(scope, severity, subject, message, fix);
	finding = &scope->findings->items[scope->findings->count - 1];
	finding->fix = finding->hint;
}

bool
castssl_check_is_remote(uint8 family, const uint8 *address)
{
	static const uint8 own[16] = { [15] = 1 };

	if (family == 4)
		return address[0] != 127;
	return family == 6 && memcmp(address, own, sizeof(own)) != 0;
}

char *
castssl_check_rule_name(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	return castssl_hba_plan_place(scope->policy, rule->file, rule->line_number);
}

char *
castssl_check_rule_names(const CastsslCheckScope *scope, const bool *marked)
{
	CastsslPlaces places = { 0 };

	for (int i = 0; i < scope->policy->nrules; i++)
	{
		if (marked[i])
			castssl_places_add(&places, castssl_check_rule_name(scope, &scope->policy->rules[i]));
	}
	return castssl_places_text(&places);
}

char *
castssl_check_value(const CastsslCheckScope *scope, const char *name)
{
	return scope->value ? scope->value(name) : castssl_parameter_value(name);
}

typedef struct ReadRole
{
	CastsslCheckScope *scope;
	CastsslRole role;
} ReadRole;

static void
read_configured(void *arg)
{
	ReadRole *read = arg;

	castssl_material_configured(
		&read->scope->material, read->role,
		castssl_check_value(read->scope, castssl_role_parameter(read->role)));
}

/* Read one file of the material; if this fails, note why. */
static void
read_role(CastsslCheckScope *scope, CastsslRole role)
{
	ReadRole read = { .scope = scope, .role = role };
	ErrorData *error = castssl_attempt(read_configured, &read);

	if (error == NULL)
		return;
	scope->material.files[role].path = NULL;
	/* with TLS off, a missing file is no problem of its own */
	if (scope->ssl || error->sqlerrcode != ERRCODE_UNDEFINED_FILE)
	{
		scope->material_problem[role] = error->message;
		scope->material_hint[role] = error->hint;
	}
}

/* Read the CAs if judge() has not.  The checks of certificates report what is wrong with them. */
static void
read_authorities(CastsslCheckScope *scope)
{
	const CastsslMaterialFile *ca = &scope->material.files[CASTSSL_ROLE_CA];
	CastsslFindings findings = { 0 };

	if (ca->path && scope->authorities.count == 0)
		(void) castssl_certificates_read(ca->data, ca->length, ca->name, &scope->authorities,
										 &findings);
}

static void
forget_chain(CastsslFindings *findings)
{
	int kept = 0;

	for (int i = 0; i < findings->count; i++)
	{
		if (strcmp(findings->items[i].check, "chain") != 0)
			findings->items[kept++] = findings->items[i];
	}
	findings->count = kept;
}

static void
judge(CastsslCheckScope *scope)
{
	if (scope->ssl && scope->material.files[CASTSSL_ROLE_CERTIFICATE].path &&
		scope->material.files[CASTSSL_ROLE_KEY].path)
		castssl_judge_material(&scope->material, &scope->judgement, &(CastsslCertificates){ 0 },
							   &scope->authorities);
	/* the file that cannot be read may hold the root */
	if (scope->material_problem[CASTSSL_ROLE_CA])
		forget_chain(&scope->judgement);
}

static void
read_parameters(CastsslCheckScope *scope)
{
	scope->unreadable = castssl_unreadable_parameters();
	scope->parameter_problem = castssl_parameter_file_problem();
}

static void
ask_loader(CastsslCheckScope *scope)
{
	castssl_loader_check_hba_live(scope->policy, HbaFileName, &scope->hba_findings);
}

static void
read_edits(CastsslCheckScope *scope)
{
	scope->misfit = castssl_staging_misfit();
	scope->edits_wait = castssl_staging_waits_for();
}

static void
read_sessions(CastsslCheckScope *scope)
{
	scope->sessions = castssl_sessions_read(&scope->nsessions);
}

typedef struct Step
{
	CastsslCheckScope *scope;
	void (*run)(CastsslCheckScope *scope);
} Step;

static void
run_step(void *arg)
{
	const Step *step = arg;

	step->run(step->scope);
}

/* The error of run; NULL if it succeeded. */
static ErrorData *
attempt(CastsslCheckScope *scope, void (*run)(CastsslCheckScope *scope))
{
	Step step = { scope, run };

	return castssl_attempt(run_step, &step);
}

/* A failure to read becomes a finding of files_readable, and the other checks still run. */
static bool
read_or_say(CastsslCheckScope *scope, void (*run)(CastsslCheckScope *scope))
{
	ErrorData *error = attempt(scope, run);

	if (error)
		scope->unread = lappend(scope->unread, error);
	return error == NULL;
}

void
castssl_check_read_files(CastsslCheckScope *scope)
{
	if (!parse_bool(castssl_check_value(scope, "ssl"), &scope->ssl))
		scope->ssl = false;
	scope->ca_configured = castssl_check_value(scope, "ssl_ca_file")[0] != '\0';
	for (int role = 0; role < CASTSSL_NROLES; role++)
		read_role(scope, role);
	scope->judged = read_or_say(scope, judge);
	read_authorities(scope);
}

void
castssl_check_read(CastsslCheckScope *scope, int target_version)
{
	scope->target_version = target_version ? target_version : CASTSSL_NEWEST_MAJOR;
	scope->version_asked = target_version != 0;
	castssl_check_read_files(scope);
	(void) read_or_say(scope, read_parameters);
	scope->policy = castssl_hba_files_read(NULL, 0);
	(void) read_or_say(scope, ask_loader);
	(void) read_or_say(scope, castssl_check_read_unloaded);
	(void) read_or_say(scope, read_edits);
	scope->dead = palloc0(Max(scope->policy->nrules, 1) * sizeof(bool));
	scope->because = palloc0(Max(scope->policy->nrules, 1) * sizeof(int *));
	scope->nbecause = palloc0(Max(scope->policy->nrules, 1) * sizeof(int));
	castssl_hba_find_unreachable(scope->policy, scope->ssl, castssl_hba_world(), scope->dead,
								 scope->because, scope->nbecause);
	(void) read_or_say(scope, read_sessions);
}

/* Does another row report a configuration file that cannot be read? */
static bool
has_closed_file(const CastsslCheckScope *scope)
{
	return scope->unreadable != NIL || castssl_closed_is(HbaFileName);
}

void
castssl_check_run(CastsslCheckScope *scope)
{
	for (int i = 0; i < lengthof(checks); i++)
	{
		int before = scope->findings->count;
		ErrorData *error;

		scope->check = checks[i].name;
		scope->worst = checks[i].worst;
		error = attempt(scope, checks[i].run);
		if (error && error->sqlerrcode == ERRCODE_INSUFFICIENT_PRIVILEGE && has_closed_file(scope))
			castssl_check_report(scope, Min(scope->worst, CASTSSL_INFO), "server",
								 "not checked: see parameters_in_effect and hba_loads", NULL);
		else if (error)
			castssl_check_report(scope, scope->worst, "server",
								 psprintf("this could not be checked: %s", error->message),
								 error->hint);
		else if (scope->findings->count == before)
			castssl_check_report(scope, CASTSSL_OK, NULL, "nothing found", NULL);
		castssl_check_fold(scope->findings, before);
	}
}

/* Is it the answer about target_version, which is given even if nothing was found? */
static bool
is_answer(const CastsslCheckScope *scope, const CastsslFinding *finding)
{
	return scope->version_asked && strcmp(finding->check, "hba_future") == 0;
}

void
castssl_check_all(int target_version, bool include_ok, CastsslFindings *findings)
{
	CastsslFindings all = { 0 };
	CastsslCheckScope scope = { .findings = &all };

	castssl_check_read(&scope, target_version);
	castssl_check_run(&scope);
	for (int severity = CASTSSL_ERROR; severity >= CASTSSL_OK; severity--)
	{
		for (int i = 0; i < all.count; i++)
		{
			const CastsslFinding *finding = &all.items[i];

			if (finding->severity == (CastsslSeverity) severity &&
				(severity > CASTSSL_OK || include_ok || is_answer(&scope, finding)))
				castssl_finding_copy(findings, finding);
		}
	}
	if (findings->count == 0)
		castssl_finding_add(findings, CASTSSL_OK, "all", NULL,
							psprintf("none of %d checks found anything", (int) lengthof(checks)),
							NULL, NULL);
}
