/*
 * preflight.c
 *		Every reason to refuse a plan, before anything is written.
 */
#include "postgres.h"

#include "base/words.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/settings.h"
#include "change/journal.h"
#include "change/pending.h"
#include "change/recover.h"
#include "change/rollback.h"
#include "flow/apply/candidate.h"
#include "flow/apply/managed.h"
#include "flow/apply/ownership.h"
#include "flow/apply/preflight.h"
#include "flow/apply/unwritable.h"
#include "flow/ask/cron.h"
#include "flow/ask/foreign.h"
#include "flow/ask/health.h"
#include "flow/ask/guard.h"
#include "flow/ask/impact.h"
#include "flow/ask/issuer.h"
#include "flow/ask/plaintext.h"
#include "flow/ask/proofs.h"
#include "flow/ask/rotation.h"
#include "flow/ask/taking_back.h"
#include "flow/ask/unloaded.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/judge.h"
#include "flow/plan/steps.h"
#include "flow/recipe/own_crl.h"
#include "hba/access/compare.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/swap.h"
#include "server/loader_hba.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/process/caller.h"
#include "server/process/raise.h"
#include "server/reload.h"
#include "server/world.h"
#include "tls/instant.h"

#define CHECK_CERTIFICATE "check certificate"

/* The change of this transaction that is in effect, and will wait for a confirmation; 0: none. */
static int64
change_that_will_wait(void)
{
	ListCell *cell;

	foreach (cell, castssl_pending_list())
	{
		const CastsslPending *item = lfirst(cell);

		if (item->kind == CASTSSL_PENDING_KEEP && item->time > 0 && !item->aborted &&
			castssl_change_is_in_effect(castssl_journal_read_existing(item->change_id)))
			return item->change_id;
	}
	return 0;
}

/* Could castssl_rollback() take it back? */
static bool
is_as_made(const CastsslChange *change)
{
	return castssl_change_edited_since(change) == NULL &&
		   castssl_change_parameters_set_since(change) == NULL;
}

/* In a copy of the data directory, where the files outside may be the original server's. */
static void
raise_waits_in_copy(const CastsslChange *open, const char *reason)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("change " INT64_FORMAT " is not confirmed yet", open->id),
					errdetail("It is not undone at %s: %s.",
							  castssl_clock_text(open->confirm_deadline), reason),
					errhint("%s", castssl_change_hint_to_end(open)),
					castssl_err_reason("castssl_change_waiting")));
}

/* Did the calling role make the change? */
static bool
is_callers(const CastsslChange *change)
{
	return castssl_same_text(change->user_name, castssl_caller_name());
}

static void
check_no_open_change(bool undoes_it)
{
	CastsslChange *open = castssl_journal_open_change();
	const char *reason;

	if (undoes_it && open && open->state == CASTSSL_UNCONFIRMED)
		return;
	if (open && castssl_pending_is_own(open->id))
	{
		int64 waiting = change_that_will_wait();

		if (undoes_it || waiting == 0)
			return;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change " INT64_FORMAT " will wait to be confirmed", waiting),
				 errdetail("This transaction made it with confirm_within."),
				 errhint("COMMIT, and confirm it from a new connection, before you change more."),
				 castssl_err_reason("castssl_change_waiting")));
	}
	reason =
		open && open->state == CASTSSL_UNCONFIRMED ? castssl_change_why_left_alone(open) : NULL;
	if (reason)
		raise_waits_in_copy(open, reason);
	if (open && open->state == CASTSSL_UNCONFIRMED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("change " INT64_FORMAT " is not confirmed yet", open->id),
				 is_callers(open) ? errdetail("It will be undone at %s.",
											  castssl_clock_text(open->confirm_deadline))
								  : errdetail("Role %s made it.  It will be undone at %s.",
											  quote_identifier(open->user_name),
											  castssl_clock_text(open->confirm_deadline)),
				 !is_callers(open)
					 ? errhint("Call this again when that role has confirmed or taken back its "
							   "change, or it was undone.  To keep it for that role: SELECT "
							   "castssl_confirm(" INT64_FORMAT "); from a new connection.",
							   open->id)
				 : is_as_made(open)
					 ? errhint("To keep it: SELECT castssl_confirm(" INT64_FORMAT
							   "); from a new connection.  To take it back: SELECT * FROM "
							   "castssl_rollback();",
							   open->id)
					 : errhint("To keep it: SELECT castssl_confirm(" INT64_FORMAT
							   "); from a new connection.  Somebody has edited its files since "
							   "then, so castssl_rollback() refuses.  At the deadline the change "
							   "is undone, and the edits are kept in \"%s\".",
							   open->id, castssl_journal_path(open->id, NULL)),
				 castssl_err_reason("castssl_change_waiting")));
	if (open)
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("change " INT64_FORMAT " was interrupted and is not undone yet", open->id),
			 errdetail("The reason is in the warning before this error, or in the server's log."),
			 errhint("Repair that.  Then the next castssl_* call or the next start of the server "
					 "undoes the change."),
			 castssl_err_reason("castssl_not_undone")));
}

/* How the other rows name the file of a finding: without its folder. */
static const char *
shorten_subject(const CastsslMaterial *material, const char *subject)
{
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const CastsslMaterialFile *file = &material->files[role];

		if ((file->name && strcmp(subject, file->name) == 0) ||
			(file->source && strcmp(subject, file->source) == 0))
			return castssl_path_base(subject);
	}
	return subject;
}

static void
report_warnings(CastsslPlan *plan, const CastsslFindings *findings)
{
	for (int i = 0; i < findings->count; i++)
	{
		const CastsslFinding *finding = &findings->items[i];
		const char *text = finding->message;

		if (finding->severity != CASTSSL_WARNING)
			continue;
		if (finding->detail)
			text = psprintf("%s: %s", text, finding->detail);
		castssl_plan_warn(plan, CHECK_CERTIFICATE,
						  shorten_subject(plan->material, finding->subject),
						  castssl_code_of_check(finding->check), text);
	}
}

static void
check_material(CastsslPlan *plan)
{
	CastsslFindings findings = { 0 };
	CastsslCertificates server = { 0 };
	CastsslCertificates ca = { 0 };
	CastsslFindings rotation = { 0 };
	const CastsslCertificate *own;
	CastsslStep *check = castssl_step_find(plan->steps, CHECK_CERTIFICATE);

	castssl_judge_material(plan->material, &findings, &server, &ca);
	castssl_raise_first_error(&findings, ERRCODE_CONFIG_FILE_ERROR);

	castssl_candidate_check(plan->material, &findings);
	castssl_raise_first_error(&findings, ERRCODE_CONFIG_FILE_ERROR);

	/* Without a certificate there was an error. */
	own = castssl_certificates_first(&server);
	plan->fingerprint = own->fingerprint;
	if (check)
	{
		check->detail = psprintf("%s by %s, until %.10s", own->subject, own->issuer,
								 castssl_instant_text(own->not_after));
		report_warnings(plan, &findings);
	}
	castssl_issuer_warn(plan, &server, &ca);
	castssl_rotation_compare(plan, &ca, &rotation);
	report_warnings(plan, &rotation);
}

/* Does the server serve another certificate than the plan's? */
static bool
serves_another(const CastsslPlan *plan)
{
	char *problem;
	const char *served;

	if (plan->material == NULL || plan->fingerprint == NULL || !castssl_probe_possible())
		return false;
	served = castssl_probe_certificate(castssl_verify_timeout, &problem);
	return served == NULL || strcmp(served, plan->fingerprint) != 0;
}

/* A file or parameters that the server may not have loaded; NULL: none. */
static const char *
find_not_loaded(const CastsslPlan *plan)
{
	for (int role = 0; plan->material && role < CASTSSL_NROLES; role++)
	{
		const char *name = plan->material->files[role].name;

		if (name && castssl_reload_covers(name) != CASTSSL_LOADED)
			return name;
	}
	for (int i = 0; i < plan->hba_before->nfiles; i++)
	{
		if (castssl_reload_covers(plan->hba_before->files[i]->path) != CASTSSL_LOADED)
			return plan->hba_before->files[i]->path;
	}
	return castssl_parameters_not_in_effect();
}

/*
 * If the plan writes nothing, the server must use what is on disk.  Otherwise a reload is needed,
 * and its step says for what.
 */
static void
check_loaded(CastsslPlan *plan)
{
	if (castssl_plan_changes(plan))
		return;
	if (serves_another(plan))
		plan->reload_for = plan->material->files[CASTSSL_ROLE_CERTIFICATE].name;
	else
		plan->reload_for = find_not_loaded(plan);
	plan->reload = plan->reload_for != NULL;
}

static void
ask_of_live(const CastsslPlan *plan, CastsslFindings *findings)
{
	castssl_loader_check_hba_live(plan->hba_before, plan->hba_before->files[0]->path, findings);
}

/*
 * If the server refuses the live files for the same reason, raise that: it names the line in
 * them.
 */
static void
raise_as_live(const CastsslPlan *plan, const CastsslFinding *refused)
{
	CastsslFindings live = { 0 };

	ask_of_live(plan, &live);
	for (int i = 0; i < live.count; i++)
	{
		CastsslFinding *finding = &live.items[i];

		if (finding->severity != CASTSSL_ERROR || strcmp(finding->message, refused->message) != 0)
			continue;
		finding->hint = "See the rows hba_loads of castssl_check(): correct each line that the "
						"server refuses, then apply all corrections together.";
		castssl_raise_finding(finding, ERRCODE_CONFIG_FILE_ERROR);
	}
}

static void
check_hba(const CastsslPlan *plan)
{
	CastsslFindings findings = { 0 };
	const CastsslFinding *refused;

	if (plan->hba_changes)
		castssl_loader_check_hba_policy(plan->hba_after, false, &findings);
	else
		ask_of_live(plan, &findings);
	refused = castssl_finding_first(&findings, CASTSSL_ERROR);
	if (refused == NULL)
		return;
	raise_as_live(plan, refused);
	castssl_raise_finding(refused, ERRCODE_CONFIG_FILE_ERROR);
}

/* Derived edits that admit anyone new would be a bug in this extension: never apply such edits. */
static void
check_nobody_gains(const CastsslPlan *plan)
{
	CastsslHbaDifferences differences = { 0 };

	if (plan->hba_derived == NULL || plan->hba_derived == plan->hba_before)
		return;
	castssl_hba_compare(castssl_hba_plan_as_meant(plan->hba_before), true, plan->hba_derived, true,
						castssl_hba_world_with_roles(), &differences);
	for (int i = 0; i < differences.count; i++)
	{
		const CastsslHbaDifference *difference = &differences.items[i];

		if (difference->change == CASTSSL_HBA_NEWLY_ADMITTED ||
			difference->change == CASTSSL_HBA_ADMITTED_WITHOUT_PROOF)
			ereport(ERROR,
					(errcode(ERRCODE_INTERNAL_ERROR),
					 errmsg("the derived edits of pg_hba.conf would admit new connections"),
					 errdetail("For example %s.", castssl_proofs_difference_text(difference)),
					 errhint("Nothing was changed.  Please report this as a bug.")));
	}
}

/*
 * Without CAs the server refuses every client that a rule asks for a certificate.  Blame
 * the plan only if the server has CAs now.
 */
static void
check_certificates_can_be_checked(CastsslPlan *plan, bool force)
{
	bool had_ca = castssl_tls_is_on() && castssl_ca_is_configured();
	const char *where;

	if (plan->material == NULL || plan->material->files[CASTSSL_ROLE_CA].path != NULL)
		return;
	where = castssl_hba_plan_asking(plan->hba_after);
	if (where == NULL)
		return;
	if (had_ca && !force && castssl_plan_changes(plan))
		ereport(
			ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the server would have no CA to check client certificates"),
			 errdetail("The rule at %s asks for a client certificate: it would refuse everybody.",
					   where),
			 errhint("To keep the CA, leave ca_file out of castssl_enable().  Or first remove "
					 "clientcert from these rules, with castssl_hba_change()."),
			 castssl_err_reason("castssl_no_client_ca")));
	castssl_plan_warn(
		plan, "edit pg_hba", where, CASTSSL_CODE_no_ca,
		"asks for a client certificate, but the server has no CA: the rule refuses everybody");
}

/* Refuse what ALTER SYSTEM would refuse, before anything is written. */
static void
check_parameter(const CastsslChangedParameter *parameter)
{
	if (parameter->after && strchr(parameter->after, '\n'))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("the value for parameter \"%s\" must not contain a line break",
							   parameter->name),
						errdetail("ALTER SYSTEM cannot store \"%s\".", parameter->after)));
}

void
castssl_preflight(CastsslPlan *plan, bool force, bool undone_unless_confirmed,
				  const CastsslAgain *again, bool dry_run)
{
	/*
	 * The waiting change would be taken back at its deadline anyway.  A plan that only reloads
	 * cannot be undone, and a reload also loads what others have edited.
	 */
	bool takes_back_waiting = plan->undoes != NIL && !plan->takes_back;
	bool allowed =
		force || takes_back_waiting || (undone_unless_confirmed && castssl_plan_writes(plan));
	CastsslLosses losses;
	ListCell *cell;

	if (plan->material)
		check_material(plan);
	check_hba(plan);
	check_loaded(plan);
	check_certificates_can_be_checked(plan, force || undone_unless_confirmed);
	castssl_plaintext_warn(plan);
	if (!castssl_plan_changes(plan))
		return;

	castssl_journal_check_newest();
	check_no_open_change(plan->undoes != NIL);
	/* a change that was made here with force can be undone here */
	castssl_managed_refuse(plan, force || plan->undoes != NIL);
	castssl_ownership_check(plan, force || plan->undoes != NIL, dry_run, again);
	foreach (cell, plan->parameters)
		check_parameter(lfirst(cell));
	foreach (cell, plan->files)
	{
		CastsslPlannedFile *file = lfirst(cell);

		/* Our own state directory is created during the change. */
		if (!path_is_prefix_of_path(castssl_state_path(NULL), file->path))
			castssl_unwritable_check(file, again);
		castssl_swap_check(file->path);
		if (file->owner)
			castssl_file_check_owner_stays(file->path, file->owner);
	}
	if (plan->hba_changes)
		check_nobody_gains(plan);
	castssl_unloaded_check_parameters(plan, force || takes_back_waiting);
	castssl_unloaded_warn(plan);
	castssl_rotation_of_reload(plan);
	castssl_impact_losses(plan, &losses);
	allowed = allowed && (force || takes_back_waiting || !plan->loses_for_good);
	castssl_impact_warn(plan, &losses);
	castssl_cron_warn(plan);
	castssl_foreign_warn(plan);
	castssl_health_warn(plan);
	castssl_taking_back_check(plan, allowed, again);
	castssl_proofs_check(plan, allowed, again);
	if (!force && !takes_back_waiting)
		castssl_own_crl_check(plan);
	if (!allowed)
		castssl_guard_check(plan, &losses, again, dry_run);
}
