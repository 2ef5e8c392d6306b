/*
 * status.c
 *		castssl_status and castssl_reload: the state at this moment.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "api/entry.h"
#include "api/result.h"
#include "base/settings.h"
#include "change/attempt.h"
#include "change/journal.h"
#include "change/worker.h"
#include "flow/check/reload.h"
#include "flow/recipe/staging.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/reload.h"
#include "server/restart.h"

static void
set_certificate(CastsslRow *row)
{
	CastsslCertificate certificate;
	char *problem;

	if (castssl_material_certificate_on_disk(&certificate))
	{
		castssl_row_name(row, "cert_subject", certificate.subject);
		castssl_row_unix_time(row, "cert_not_after", certificate.not_after);
		castssl_row_text(row, "cert_fingerprint", certificate.fingerprint);
	}
	if (castssl_probe_possible())
		castssl_row_text(row, "served_fingerprint",
						 castssl_probe_certificate(castssl_verify_timeout, &problem));
}

static void
set_change(CastsslRow *row, const CastsslChange *change)
{
	castssl_row_int(row, "change_id", change->id);
	castssl_row_text(row, "change_state", castssl_change_state_name(change->state));
	if (change->state == CASTSSL_UNCONFIRMED)
		castssl_row_time(row, "confirm_deadline", change->confirm_deadline);
}

/* What may fail where a folder went away or cannot be read. */
typedef struct Known
{
	CastsslStaged staged;
	CastsslChange *change;
	char *problem;
} Known;

static void
look_at_staged(void *arg)
{
	((Known *) arg)->staged = castssl_staging_look();
}

/* The one that waits, also below a rollback of it that failed; else the last. */
static void
look_at_changes(void *arg)
{
	CastsslChange *open = castssl_journal_open_change();

	((Known *) arg)->change = open ? open : castssl_journal_latest();
}

static void
look_at_restart(void *arg)
{
	((Known *) arg)->problem = castssl_restart_problem(NULL, true);
}

CASTSSL_FUNCTION(castssl_status)
{
	/* in the order of CastsslRole */
	static const char *const files[] = { "cert_file", "key_file", "ca_file", "crl_file" };
	CastsslRow row = castssl_row_single(fcinfo);
	Known known = { 0 };
	ErrorData *error;

	castssl_worker_tell();

	castssl_row_bool(&row, "ssl", castssl_tls_is_on());
	castssl_row_text(&row, "config_file", ConfigFileName);
	castssl_row_text(&row, "hba_file", HbaFileName);
	castssl_row_text(&row, "data_directory", DataDir);
	for (int role = 0; role < CASTSSL_NROLES; role++)
		castssl_row_text(&row, files[role], castssl_material_named(role));
	set_certificate(&row);
	/* castssl_check() says why, and columns of what is not known are NULL */
	if (castssl_attempt(look_at_staged, &known) == NULL)
	{
		castssl_row_bool(&row, "hba_staged", known.staged.differs);
		castssl_row_text(&row, "staged_hash", known.staged.hash);
		castssl_row_text(&row, "staged_by", known.staged.roles);
	}
	if (castssl_attempt(look_at_changes, &known) == NULL && known.change)
		set_change(&row, known.change);
	error = castssl_attempt(look_at_restart, &known);
	if (error)
		known.problem = psprintf("it could not be checked: %s", error->message);
	castssl_row_bool(&row, "restart_safe", known.problem == NULL);
	castssl_row_said(&row, "restart_problem", known.problem);
	return castssl_row_result(&row);
}

/* A reload loads pg_ident.conf, too, whether a rule names a map or not. */
static char *
ident_problem(void)
{
	char *problem = castssl_ident_file_problem(castssl_ident_file_read());

	return problem ? psprintf("the server refuses %s", problem) : NULL;
}

/* The server kept the certificate that it had: why. */
static char *
still_served(void)
{
	char *reason = castssl_restart_problem(NULL, true);

	return psprintf("the server still shows another certificate than the one in \"%s\"%s%s",
					castssl_material_named(CASTSSL_ROLE_CERTIFICATE), reason ? ": " : "",
					reason ? reason : "");
}

/*
 * castssl_reload(): has another name in C, because castssl_reload is a function of
 * server/reload.
 */
CASTSSL_FUNCTION(castssl_reload_and_verify)
{
	CastsslRow row = castssl_row_single(fcinfo);
	CastsslCertificate certificate;
	char *served = NULL;
	char *problem;

	castssl_worker_stand_in();
	problem = castssl_check_before_reload();
	problem = problem ? psprintf("not reloaded, for this would take effect: %s", problem)
					  : castssl_reload(castssl_verify_timeout);
	CHECK_FOR_INTERRUPTS();
	castssl_row_bool(&row, "reloaded", problem == NULL);
	if (problem == NULL && castssl_probe_possible() && castssl_tls_is_on())
	{
		served = castssl_probe_certificate(castssl_verify_timeout, &problem);
		if (served && castssl_material_certificate_on_disk(&certificate) &&
			strcmp(served, certificate.fingerprint) != 0)
			problem = still_served();
	}
	if (problem == NULL)
		problem = castssl_restart_problem(NULL, true);
	if (problem == NULL)
		problem = ident_problem();
	castssl_row_text(&row, "served_fingerprint", served);
	castssl_row_said(&row, "problem", problem);
	return castssl_row_result(&row);
}
