/*
 * reload.c
 *		What a reload would put into effect, and findings that it ends.
 */
#include "postgres.h"

#include "base/settings.h"
#include "base/words.h"
#include "flow/ask/guard.h"
#include "flow/ask/impact.h"
#include "flow/ask/rotation.h"
#include "flow/ask/unloaded.h"
#include "flow/check/reload.h"
#include "flow/check/scope.h"
#include "flow/plan/crls.h"
#include "flow/plan/hba_plan.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "tls/revoked.h"

/* Do clients get another certificate than the one on disk? */
static bool
serves_another(void)
{
	char *problem;
	char *served = castssl_probe_possible()
					   ? castssl_probe_certificate(castssl_verify_timeout, &problem)
					   : NULL;

	return served && castssl_material_is_not_on_disk(served);
}

/* Is the value of that parameter in this scope another one than in effect? */
static bool
is_other(const CastsslCheckScope *scope, const char *parameter)
{
	return strcmp(castssl_check_value(scope, parameter), castssl_parameter_value(parameter)) != 0;
}

static bool
role_is_other(const CastsslCheckScope *scope, CastsslRole role)
{
	return is_other(scope, castssl_role_parameter(role));
}

/* Has the server loaded the file of that role? */
static bool
is_loaded(const CastsslCheckScope *scope, CastsslRole role)
{
	const CastsslMaterialFile *file = &scope->material.files[role];

	return file->path == NULL || !(role_is_other(scope, role) || castssl_unloaded_role(role));
}

/* Would no CA of the file have a CRL, so that nobody comes in with a certificate? */
static bool
no_ca_has_crl(const CastsslCheckScope *scope)
{
	int without = 0;

	for (int i = 0; i < scope->judgement.count; i++)
		without += scope->judgement.items[i].severity == CASTSSL_ERROR &&
				   strcmp(scope->judgement.items[i].check, "crl_issuer") == 0;
	return without > 0 && without >= scope->authorities.count;
}

/*
 * Is the finding true of what is in effect now?  For a certificate and its key, a handshake shows
 * it.  CRL and CA file belong together: an added CA without a CRL does not affect the others, but
 * it matters if no CA has a CRL.
 */
static bool
is_in_effect(const CastsslCheckScope *scope, const CastsslFinding *finding)
{
	if (strcmp(finding->check, "crl_issuer") == 0)
		return is_loaded(scope, CASTSSL_ROLE_CRL) &&
			   (is_loaded(scope, CASTSSL_ROLE_CA) || !no_ca_has_crl(scope));
	for (int role = CASTSSL_ROLE_CA; role <= CASTSSL_ROLE_CRL; role++)
	{
		if (scope->material.files[role].path &&
			strcmp(scope->material.files[role].name, finding->subject) == 0)
			return is_loaded(scope, role);
	}
	return !role_is_other(scope, CASTSSL_ROLE_CERTIFICATE) &&
		   !role_is_other(scope, CASTSSL_ROLE_KEY) && !is_other(scope, "ssl") && !serves_another();
}

/* The first file that is wrong and not in effect yet; NULL: there is none. */
static const CastsslFinding *
find_unfit(const CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->judgement.count; i++)
	{
		const CastsslFinding *finding = &scope->judgement.items[i];

		if (finding->severity == CASTSSL_ERROR && !is_in_effect(scope, finding))
			return finding;
	}
	return NULL;
}

/* A file that another value names, and that the server could not read; NULL: there is none. */
static char *
unreadable_problem(const CastsslCheckScope *scope)
{
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		if (scope->material_problem[role] && role_is_other(scope, role))
			return psprintf("%s: %s", castssl_role_parameter(role), scope->material_problem[role]);
	}
	return NULL;
}

static char *
unfit_problem(const CastsslCheckScope *scope)
{
	const CastsslFinding *unfit = find_unfit(scope);

	return unfit == NULL ? NULL
						 : psprintf("%s: %s%s%s", unfit->subject, unfit->message,
									unfit->detail ? ": " : "", unfit->detail ? unfit->detail : "");
}

/* Does another value of ssl_ca_file leave the rules without a CA? */
static char *
no_ca_problem(const CastsslCheckScope *scope)
{
	char *where;

	if (scope->ca_configured || !role_is_other(scope, CASTSSL_ROLE_CA))
		return NULL;
	where = castssl_hba_plan_asking(scope->policy);
	return where == NULL
			   ? NULL
			   : psprintf("ssl_ca_file: it is empty, and the rule at %s asks for a client "
						  "certificate, so it would refuse everybody",
						  where);
}

/* Does another value of ssl_crl_file accept certificates that are revoked now? */
static char *
dropped_crl_problem(const CastsslCheckScope *scope)
{
	const CastsslCertificates *now;
	int dropped;

	if (!castssl_tls_is_on() || !role_is_other(scope, CASTSSL_ROLE_CRL))
		return NULL;
	now = castssl_crls_in_force(NULL);
	dropped = now ? castssl_revocations_dropped(now, castssl_crls_in_force(&scope->material)) : 0;
	return dropped == 0
			   ? NULL
			   : psprintf("ssl_crl_file: %s would be accepted again",
						  castssl_counted(dropped, "revoked certificate", "revoked certificates"));
}

/* Who of the connected clients could not come back after a reload? */
static char *
losses_problem(void)
{
	CastsslLosses losses = { 0 };

	castssl_impact_losses_by_reload(castssl_hba_files_read(NULL, 0), &losses);
	return losses.count == 0
			   ? NULL
			   : psprintf("%s could not come back.  %s",
						  castssl_counted(losses.count, "live session", "live sessions"),
						  castssl_guard_detail(&losses));
}

char *
castssl_check_values(char *(*value)(const char *name))
{
	CastsslFindings findings = { 0 };
	CastsslCheckScope scope = { .findings = &findings, .value = value };
	char *problem;

	castssl_check_read_files(&scope);
	scope.policy = castssl_hba_files_read(NULL, 0);
	problem = unreadable_problem(&scope);
	if (problem == NULL)
		problem = unfit_problem(&scope);
	/* whoever turns TLS off means everybody who needs it */
	if (problem == NULL && scope.ssl)
		problem = no_ca_problem(&scope);
	if (problem == NULL && scope.ssl)
		problem = dropped_crl_problem(&scope);
	return problem;
}

char *
castssl_check_before_reload(CastsslTryTls try_tls)
{
	List *waiting = castssl_parameters_waiting();
	char *problem = castssl_check_values(castssl_parameter_at_start);

	if (waiting == NIL)
		return problem;
	if (problem == NULL)
		problem = castssl_restart_tls_problem(castssl_parameter_at_start, try_tls);
	if (problem == NULL && !castssl_unloaded_turns_tls_off())
		problem = losses_problem();
	if (problem == NULL)
		return NULL;
	return psprintf("%s.  To keep what is in effect: %s  To load it all the same: SELECT "
					"pg_reload_conf();",
					problem, castssl_unloaded_keep_statements(waiting));
}

char *
castssl_check_crl_directory(void)
{
	CastsslPem crls = castssl_crls_with_directory(castssl_material_pem_in_use(CASTSSL_ROLE_CRL));
	CastsslFindings findings = { 0 };

	if (!castssl_tls_is_on() || !castssl_crls_are_none(&crls))
		return NULL;
	castssl_crl_directory_judge(&findings);
	return pstrdup(findings.items[0].message);
}

/* A CA or CRL file in use that changed after the last reload; NULL: there is none. */
static const char *
unloaded_authority(const CastsslCheckScope *scope)
{
	for (int role = CASTSSL_ROLE_CA; role <= CASTSSL_ROLE_CRL; role++)
	{
		if (!is_loaded(scope, role))
			return scope->material.files[role].name;
	}
	return NULL;
}

void
castssl_check_read_unloaded(CastsslCheckScope *scope)
{
	scope->unloaded_rules = castssl_unloaded_rules(scope->policy);
	if (scope->unreadable == NIL)
		scope->unloaded_parameters = castssl_parameters_not_in_effect();
	scope->unloaded_authority = unloaded_authority(scope);
}

const char *
castssl_check_unloaded_first(const CastsslCheckScope *scope)
{
	if (scope->unloaded_rules != NIL)
		return psprintf(
			"First see to the row hba_in_effect: a reload would also load \"%s\", which "
			"somebody has edited.",
			(char *) linitial(scope->unloaded_rules));
	if (scope->unloaded_parameters)
		return psprintf("First see to the row parameters_in_effect: a reload would also load %s, "
						"which somebody has set.",
						scope->unloaded_parameters);
	if (scope->unloaded_authority && strcmp(scope->check, "served_matches_disk") != 0)
		return psprintf(
			"First see to the row served_matches_disk: a reload would also load \"%s\", "
			"which somebody has replaced.",
			scope->unloaded_authority);
	return NULL;
}

const char *
castssl_check_hint_that_loads(const CastsslCheckScope *scope, const char *hint)
{
	const char *first = castssl_check_unloaded_first(scope);

	return first ? first : hint;
}

/*
 * The hint where a reload loads another CA file.  It is no fix: a server tells the names of its CAs
 * and not their keys, so nobody can know whether every client still comes in.
 */
static const char *
hint_of_rotation(const CastsslRotation *rotation)
{
	char *dropped = castssl_rotation_dropped(rotation);

	if (dropped == NULL)
		return "Nobody can know which CAs the server has loaded.  If the file holds those of "
			   "all clients: " CASTSSL_CHECK_RELOAD;
	if (dropped[0] == '\0')
		return CASTSSL_CHECK_RELOAD;
	return psprintf(
		"A reload would drop %s: everybody with a certificate of it would be refused.  "
		"To keep it, add its certificate to the file.  If nobody needs it: " CASTSSL_CHECK_RELOAD,
		dropped);
}

void
castssl_check_report_reload(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
							const char *message)
{
	const CastsslFinding *unfit = find_unfit(scope);
	CastsslLosses losses = { 0 };

	if (scope->unreadable != NIL)
	{
		castssl_check_report(scope, severity, subject, message, CASTSSL_CHECK_READABLE_FIRST);
		return;
	}
	if (unfit == NULL)
		castssl_impact_losses_by_reload(scope->policy, &losses);
	if (unfit)
		castssl_check_report(
			scope, severity, subject, message,
			psprintf("First repair this file: %s: %s.", unfit->subject, unfit->message));
	else if (losses.count > 0)
		castssl_check_report(
			scope, severity, subject, message,
			psprintf(
				"After a reload, clients that are connected now could not connect again.  %s  If "
				"that is wanted: " CASTSSL_CHECK_RELOAD,
				castssl_guard_detail(&losses)));
	else if (losses.rotation)
		castssl_check_report(scope, severity, subject, message, hint_of_rotation(losses.rotation));
	else
		castssl_check_report_fix(scope, severity, subject, message, CASTSSL_CHECK_RELOAD);
}

void
castssl_check_report_set(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
						 const char *parameter, const char *message, const char *value)
{
	if (value == NULL)
		castssl_check_report(scope, severity, subject, message, NULL);
	else if (scope->unreadable != NIL)
		castssl_check_report(scope, severity, subject, message, CASTSSL_CHECK_READABLE_FIRST);
	else if (castssl_parameter_unchangeable(parameter))
		castssl_check_report(
			scope, severity, subject, message,
			psprintf("Set %s to %s where the server is managed from.", parameter, value));
	else
		castssl_check_report_fix(
			scope, severity, subject, message,
			psprintf("ALTER SYSTEM SET %s = %s; " CASTSSL_CHECK_RELOAD, parameter, value));
}
