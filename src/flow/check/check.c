/*
 * check.c
 *		All the checks: everything that is wrong at this moment.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/majors.h"
#include "change/attempt.h"
#include "flow/check/check.h"
#include "flow/check/checks.h"
#include "flow/check/scope.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/judge.h"
#include "hba/access/unreachable.h"
#include "server/disk/swap.h"
#include "server/hba_files.h"
#include "server/loader_hba.h"
#include "server/parameters.h"
#include "server/world.h"

/* From this length on, more lines are another row. */
#define MOST_OF_SUBJECT 200

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

/* The number of a line at the end of a subject, "pg_hba.conf:18"; NULL: it is none. */
static const char *
line_of(const char *subject)
{
	const char *colon = subject ? strrchr(subject, ':') : NULL;

	return colon && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1) ? colon + 1
																					 : NULL;
}

/* One row for one cause: is this what the last finding says, of one more line of the same file? */
static bool
adds_line(const CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
		  const char *message, const char *hint)
{
	const CastsslFinding *last =
		scope->findings->count > 0 ? &scope->findings->items[scope->findings->count - 1] : NULL;
	const char *line = line_of(subject);

	return line && last && last->subject && strcmp(last->check, scope->check) == 0 &&
		   last->severity == severity && last->fix == NULL && strcmp(last->message, message) == 0 &&
		   castssl_same_text(last->hint, hint) && strlen(last->subject) < MOST_OF_SUBJECT &&
		   strncmp(last->subject, subject, line - subject) == 0 &&
		   strspn(last->subject + (line - subject), "0123456789, ") ==
			   strlen(last->subject + (line - subject));
}

static void
add_finding(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
			const char *message, const char *hint)
{
	Assert(severity <= scope->worst);
	castssl_finding_add(scope->findings, severity, scope->check, subject, message, NULL, hint);
}

void
castssl_check_report(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
					 const char *message, const char *hint)
{
	if (adds_line(scope, severity, subject, message, hint))
	{
		CastsslFinding *last = &scope->findings->items[scope->findings->count - 1];

		last->subject = psprintf("%s, %s", last->subject, line_of(subject));
	}
	else
		add_finding(scope, severity, subject, message, hint);
}

void
castssl_check_report_fix(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
						 const char *message, const char *fix)
{
	CastsslFinding *finding;

	add_finding(scope, severity, subject, message, fix);
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
	StringInfoData names;
	int file = -1;

	initStringInfo(&names);
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (!marked[i])
			continue;
		if (rule->file == file)
			appendStringInfo(&names, ", %d", rule->line_number);
		else
			appendStringInfo(&names, "%s%s", names.len ? ", " : "",
							 castssl_check_rule_name(scope, rule));
		file = rule->file;
	}
	return names.len ? names.data : NULL;
}

typedef struct ReadRole
{
	CastsslMaterial *material;
	CastsslRole role;
} ReadRole;

static void
read_configured(void *arg)
{
	ReadRole *read = arg;

	castssl_material_configured(read->material, read->role,
								castssl_parameter_value(castssl_role_parameter(read->role)));
}

/* Read one file of the material; why not, where that fails. */
static void
read_role(CastsslCheckScope *scope, CastsslRole role)
{
	ReadRole read = { .material = &scope->material, .role = role };
	ErrorData *error = castssl_attempt(read_configured, &read);

	if (error == NULL)
		return;
	scope->material.files[role].path = NULL;
	/* with TLS off, that it is off says all of a file which is not there */
	if (scope->ssl || error->sqlerrcode != ERRCODE_UNDEFINED_FILE)
	{
		scope->material_problem[role] = error->message;
		scope->material_hint[role] = error->hint;
	}
}

/* The checks of certificates report what is wrong with them. */
static void
read_authorities(CastsslCheckScope *scope)
{
	const CastsslMaterialFile *ca = &scope->material.files[CASTSSL_ROLE_CA];
	CastsslFindings findings = { 0 };

	if (ca->path)
		(void) castssl_certificates_read(ca->data, ca->length, ca->name, &scope->authorities,
										 &findings);
}

static void
judge(CastsslCheckScope *scope)
{
	if (scope->ssl && scope->material.files[CASTSSL_ROLE_CERTIFICATE].path &&
		scope->material.files[CASTSSL_ROLE_KEY].path)
		castssl_judge_material(&scope->material, &scope->judgement, &(CastsslCertificates){ 0 },
							   NULL);
}

static void
read_parameters(CastsslCheckScope *scope)
{
	scope->parameter_problem = castssl_parameter_file_problem();
}

static void
ask_loader(CastsslCheckScope *scope)
{
	castssl_loader_check_hba_live(scope->policy, HbaFileName, &scope->hba_findings);
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

/* Why it failed; NULL: it did not. */
static ErrorData *
attempt(CastsslCheckScope *scope, void (*run)(CastsslCheckScope *scope))
{
	Step step = { scope, run };

	return castssl_attempt(run_step, &step);
}

/* What cannot be read is a finding of files_readable, and the other checks go on. */
static bool
read_or_say(CastsslCheckScope *scope, void (*run)(CastsslCheckScope *scope))
{
	ErrorData *error = attempt(scope, run);

	if (error)
		scope->unread = lappend(scope->unread, error->message);
	return error == NULL;
}

void
castssl_check_read_files(CastsslCheckScope *scope)
{
	scope->ssl = castssl_tls_is_on();
	scope->ca_configured = castssl_ca_is_configured();
	for (int role = 0; role < CASTSSL_NROLES; role++)
		read_role(scope, role);
	scope->judged = read_or_say(scope, judge);
}

void
castssl_check_read(CastsslCheckScope *scope, int target_version)
{
	scope->target_version = target_version ? target_version : CASTSSL_NEWEST_MAJOR;
	scope->version_asked = target_version != 0;
	castssl_check_read_files(scope);
	read_authorities(scope);
	(void) read_or_say(scope, read_parameters);
	scope->policy = castssl_hba_files_read(NULL, 0);
	(void) read_or_say(scope, ask_loader);
	scope->dead = palloc0(Max(scope->policy->nrules, 1) * sizeof(bool));
	scope->because = palloc0(Max(scope->policy->nrules, 1) * sizeof(int *));
	scope->nbecause = palloc0(Max(scope->policy->nrules, 1) * sizeof(int));
	castssl_hba_find_unreachable(scope->policy, scope->ssl, castssl_hba_world(), scope->dead,
								 scope->because, scope->nbecause);
	(void) read_or_say(scope, read_sessions);
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
		if (error)
			castssl_check_report(scope, scope->worst, "server",
								 psprintf("this could not be checked: %s", error->message),
								 error->hint);
		else if (scope->findings->count == before)
			castssl_check_report(scope, CASTSSL_OK, NULL, "nothing found", NULL);
	}
}

/* Is it the answer to a question, though nothing was found? */
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
