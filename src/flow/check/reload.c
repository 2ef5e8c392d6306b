/*
 * reload.c
 *		What a reload would bring, and findings that it ends.
 */
#include "postgres.h"

#include "base/settings.h"
#include "flow/ask/guard.h"
#include "flow/ask/impact.h"
#include "flow/check/reload.h"
#include "flow/check/scope.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/reload.h"

#define RELOAD "SELECT * FROM castssl_reload();"

/* Do clients get another certificate than the one on disk? */
static bool
serves_another(void)
{
	CastsslCertificate certificate;
	char *problem;
	char *served;

	if (!castssl_probe_possible() || !castssl_material_certificate_on_disk(&certificate))
		return false;
	served = castssl_probe_certificate(castssl_verify_timeout, &problem);
	return served && strcmp(served, certificate.fingerprint) != 0;
}

/* Does the server have this file already?  Of a certificate and its key clients know it. */
static bool
is_in_effect(const CastsslCheckScope *scope, const char *name)
{
	for (int role = CASTSSL_ROLE_CA; role <= CASTSSL_ROLE_CRL; role++)
	{
		const CastsslMaterialFile *file = &scope->material.files[role];

		if (file->path && strcmp(file->name, name) == 0)
			return castssl_reload_covers(name) != CASTSSL_NOT_LOADED;
	}
	return !serves_another();
}

/* The first file that is wrong and not in effect; NULL: there is none. */
static const CastsslFinding *
find_unfit(const CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->judgement.count; i++)
	{
		const CastsslFinding *finding = &scope->judgement.items[i];

		if (finding->severity == CASTSSL_ERROR && !is_in_effect(scope, finding->subject))
			return finding;
	}
	return NULL;
}

char *
castssl_check_before_reload(void)
{
	CastsslFindings findings = { 0 };
	CastsslCheckScope scope = { .findings = &findings };
	const CastsslFinding *unfit;

	castssl_check_read_files(&scope);
	unfit = find_unfit(&scope);
	if (unfit == NULL)
		return NULL;
	return psprintf("%s: %s%s%s", unfit->subject, unfit->message, unfit->detail ? ": " : "",
					unfit->detail ? unfit->detail : "");
}

/* Has somebody edited rules that a reload would make live? */
static bool
rules_wait(const CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nfiles; i++)
	{
		if (castssl_reload_covers(scope->policy->files[i]->path) == CASTSSL_NOT_LOADED)
			return true;
	}
	return false;
}

void
castssl_check_report_reload(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
							const char *message)
{
	const CastsslFinding *unfit = find_unfit(scope);
	CastsslLosses losses = { 0 };

	if (unfit == NULL)
		castssl_impact_losses_by_reload(scope->policy, &losses);
	if (unfit)
		castssl_check_report(
			scope, severity, subject, message,
			psprintf("First put that file right: %s: %s.", unfit->subject, unfit->message));
	else if (losses.count > 0)
		castssl_check_report(
			scope, severity, subject, message,
			psprintf("A reload would shut these out.  %s.  If that is meant: " RELOAD,
					 castssl_guard_detail(&losses)));
	else if (rules_wait(scope) || castssl_parameters_not_in_effect())
		castssl_check_report(scope, severity, subject, message, RELOAD);
	else
		castssl_check_report_fix(scope, severity, subject, message, RELOAD);
}

void
castssl_check_report_set(CastsslCheckScope *scope, CastsslSeverity severity, const char *subject,
						 const char *parameter, const char *message, const char *value)
{
	if (value == NULL)
		castssl_check_report(scope, severity, subject, message, NULL);
	else if (castssl_parameter_unchangeable(parameter))
		castssl_check_report(
			scope, severity, subject, message,
			psprintf("Set %s to %s where the server is managed from.", parameter, value));
	else
		castssl_check_report_fix(scope, severity, subject, message,
								 psprintf("ALTER SYSTEM SET %s = %s; " RELOAD, parameter, value));
}
