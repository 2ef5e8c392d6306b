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
#include "change/lock.h"
#include "change/worker.h"
#include "flow/check/reload.h"
#include "flow/recipe/staging.h"
#include "server/hba_files.h"
#include "server/loader.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/reload.h"
#include "server/restart.h"
#include "server/unreadable.h"

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

/* What is read with castssl_attempt, because a folder may be gone or unreadable. */
typedef struct Known
{
	CastsslStaged staged;
	CastsslChange *change;
	char *problem;
	char *untried_key;
} Known;

static void
look_at_staged(void *arg)
{
	((Known *) arg)->staged = castssl_staging_look();
}

/* The change that waits, even if a later rollback of it failed; otherwise the latest. */
static void
look_at_changes(void *arg)
{
	CastsslChange *open = castssl_journal_open_change();

	((Known *) arg)->change = open ? open : castssl_journal_latest();
}

static void
look_at_restart(void *arg)
{
	Known *known = arg;

	known->problem = castssl_restart_problem(NULL, CASTSSL_TLS_READ);
	if (known->problem == NULL)
		known->untried_key = castssl_restart_untried_key();
}

CASTSSL_FUNCTION(castssl_status)
{
	CastsslRow row = castssl_row_single(fcinfo);
	Known known = { 0 };
	ErrorData *error;

	castssl_worker_tell();

	castssl_row_bool(&row, "ssl", castssl_tls_is_on());
	castssl_row_text(&row, "config_file", ConfigFileName);
	castssl_row_text(&row, "hba_file", HbaFileName);
	castssl_row_text(&row, "data_directory", DataDir);
	for (int role = 0; role < CASTSSL_NROLES; role++)
		castssl_row_text(&row, castssl_role_argument(role), castssl_material_named(role));
	set_certificate(&row);
	/* on failure the columns stay NULL, and castssl_check() says why */
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
	/* a function that only reads must not run the command */
	if (known.problem == NULL && known.untried_key)
		known.problem =
			psprintf("whether ssl_passphrase_command opens \"%s\" was not tried: SELECT * "
					 "FROM castssl_enable(dry_run => true); tries it",
					 known.untried_key);
	else
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

/* The problem that the server still serves its old certificate, and why. */
static char *
still_served(void)
{
	char *reason = castssl_restart_problem(NULL, CASTSSL_TLS_ASK);

	return psprintf("the server does not serve the certificate in \"%s\"%s%s",
					castssl_material_named(CASTSSL_ROLE_CERTIFICATE), reason ? ": " : "",
					reason ? reason : "");
}

/*
 * Why the server's loader refuses the TLS files, so that the reload did not load them; NULL: it
 * accepts them.
 */
static char *
refused(void)
{
	CastsslTlsFiles as_now = { .ask_passphrase = true };
	CastsslFindings findings = { 0 };

	castssl_loader_check_tls(&as_now, &findings);
	if (findings.count == 0)
		return NULL;
	return psprintf("the server did not load the files of TLS again: %s%s%s",
					findings.items[0].message, findings.items[0].hint ? ".  " : "",
					findings.items[0].hint ? findings.items[0].hint : "");
}

/*
 * castssl_reload(): has another name in C, because castssl_reload is a function of
 * server/reload.
 */
CASTSSL_FUNCTION(castssl_reload_and_verify)
{
	CastsslRow row = castssl_row_single(fcinfo);
	char *served = NULL;
	char *problem;

	castssl_worker_stand_in();
	/* a change that is being made may have stored ssl = off for an instant */
	castssl_lock_wait();
	castssl_unreadable_refuse_reload();
	problem = castssl_check_before_reload(CASTSSL_TLS_ASK);
	/* that can take seconds, in which another one may have begun */
	if (problem == NULL)
		castssl_lock_wait();
	problem = problem ? psprintf("not reloaded, because this would take effect: %s", problem)
					  : castssl_reload(castssl_verify_timeout);
	CHECK_FOR_INTERRUPTS();
	castssl_row_bool(&row, "reloaded", problem == NULL);
	if (problem == NULL && castssl_probe_possible() && castssl_tls_is_on())
	{
		served = castssl_probe_certificate(castssl_verify_timeout, &problem);
		if (served && castssl_material_is_not_on_disk(served))
			problem = still_served();
	}
	if (problem == NULL && castssl_tls_is_on())
		problem = refused();
	if (problem == NULL)
		problem = castssl_check_crl_directory();
	if (problem == NULL)
		problem = castssl_restart_problem(NULL, CASTSSL_TLS_ASK);
	if (problem == NULL)
		problem = ident_problem();
	castssl_row_text(&row, "served_fingerprint", served);
	castssl_row_said(&row, "problem", problem);
	return castssl_row_result(&row);
}
