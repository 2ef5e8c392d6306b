/*
 * apply.c
 *		Carries out a plan completely, with proof, or leaves everything as it was.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "change/attempt.h"
#include "change/journal.h"
#include "change/prune.h"
#include "change/rollback.h"
#include "change/worker.h"
#include "flow/apply/apply.h"
#include "flow/apply/preflight.h"
#include "flow/apply/prove.h"
#include "flow/plan/steps.h"
#include "server/caller.h"
#include "server/files.h"
#include "server/loan.h"
#include "server/parameters.h"
#include "server/paths.h"
#include "server/reload.h"
#include "server/restart.h"
#include "server/wait.h"

/* The state of a plan that is carried out. */
typedef struct Apply
{
	CastsslPlan *plan;
	const CastsslApplyOptions *options;
	CastsslChange *change;
	char *not_loaded; /* why it is unknown whether the server has loaded the restored files */
} Apply;

/* The change in the form for the journal. */
static CastsslChange *
describe_change(const CastsslPlan *plan)
{
	CastsslChange *change = palloc0(sizeof(CastsslChange));
	ListCell *cell;

	change->action = plan->action;
	change->user_name = castssl_caller_name();
	change->started_at = GetCurrentTimestamp();
	change->parameters = plan->parameters;
	change->touches_tls = plan->touches_tls;
	change->uses_staged = plan->uses_staged;
	foreach (cell, plan->undoes)
		change->undoes = lappend(change->undoes, &((CastsslChange *) lfirst(cell))->id);
	foreach (cell, plan->files)
	{
		const CastsslPlannedFile *planned = lfirst(cell);
		CastsslChangedFile *file = palloc0(sizeof(CastsslChangedFile));

		file->path = planned->path;
		if (planned->data)
			file->after_hash = castssl_file_hash(planned->data, planned->length);
		change->files = lappend(change->files, file);
	}
	return change;
}

/* The folders of those files, each once. */
static void
sync_folders(const CastsslPlan *plan, bool is_tls)
{
	List *folders = NIL;
	ListCell *cell;

	foreach (cell, plan->files)
	{
		const CastsslPlannedFile *file = lfirst(cell);

		if (file->is_tls == is_tls)
			folders = list_append_unique(folders, makeString(castssl_path_folder(file->path)));
	}
	foreach (cell, folders)
		castssl_file_sync(strVal(lfirst(cell)), true);
}

static void
write_files(const CastsslPlan *plan, bool is_tls)
{
	ListCell *cell;

	foreach (cell, plan->files)
	{
		const CastsslPlannedFile *file = lfirst(cell);

		if (file->is_tls != is_tls)
			continue;
		if (file->data == NULL)
			castssl_file_remove(file->path);
		else if (file->content_same)
			castssl_file_set_mode(file->path, file->mode);
		else
			castssl_file_replace_unsynced(file->path, file->data, file->length, file->mode,
										  file->owner);
	}
	sync_folders(plan, is_tls);
}

/* Is ssl on in the configuration files, as the next start would read them? */
static bool
would_start_with_tls(void)
{
	char *value = castssl_parameter_on_disk("ssl");
	bool on;

	return value != NULL && (!parse_bool(value, &on) || on);
}

/*
 * Does only one file of TLS change?  Then its rename switches everything at once, and
 * nothing is inconsistent in between. ssl is among the parameters even so
 * (castssl_plan_guard_ssl), with its value unchanged.
 */
static bool
is_one_rename(const CastsslPlan *plan)
{
	int count = 0;
	const CastsslChangedParameter *ssl;
	ListCell *cell;

	foreach (cell, plan->files)
	{
		const CastsslPlannedFile *file = lfirst(cell);

		if (file->is_tls && file->data == NULL)
			return false;
		count += file->is_tls;
	}
	if (count != 1 || list_length(plan->parameters) != 1)
		return false;
	ssl = linitial(plan->parameters);
	return castssl_parameter_is_stored(ssl->name, ssl->after);
}

/*
 * Write everything to disk, in an order that survives a crash at any moment: the server
 * can always start.  While the files and parameters of TLS do not match each other, ssl
 * is stored as off.
 */
static void
switch_over(const CastsslPlan *plan, const CastsslChange *change)
{
	ListCell *cell;

	if (change->touches_tls && !is_one_rename(plan) && would_start_with_tls())
		castssl_parameter_store("ssl", "off");
	write_files(plan, true);
	foreach (cell, plan->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);

		if (strcmp(parameter->name, "ssl") != 0)
			castssl_parameter_store(parameter->name, parameter->after);
	}
	write_files(plan, false);
	foreach (cell, plan->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);

		if (strcmp(parameter->name, "ssl") == 0)
			castssl_parameter_store(parameter->name, parameter->after);
	}
}

/* 58000, unless the caller's own cancel stopped the proof. */
static void
raise_not_proven(const char *problem)
{
	if (castssl_is_canceled())
		ereport(ERROR,
				(errcode(ERRCODE_QUERY_CANCELED), errmsg("canceling statement: %s", problem)));
	ereport(ERROR,
			(errcode(ERRCODE_SYSTEM_ERROR), errmsg("the change did not take effect: %s", problem),
			 errhint("The server's log may say why it refused the new configuration.")));
}

/* The end of a change that took effect: from here on nothing may fail. */
static void
finish(CastsslChange *change, const CastsslApplyOptions *options)
{
	change->applied_at = GetCurrentTimestamp();
	if (options->confirm_within > 0)
	{
		change->state = CASTSSL_UNCONFIRMED;
		change->confirm_deadline =
			TimestampTzPlusMilliseconds(change->applied_at, options->confirm_within);
	}
	else
	{
		change->state = CASTSSL_APPLIED;
		change->finished_at = change->applied_at;
	}
	castssl_journal_update(change);
}

static void
reload_and_prove(CastsslPlan *plan)
{
	char *problem = castssl_reload(castssl_verify_timeout);

	if (problem == NULL)
		problem = castssl_prove(plan);
	if (problem)
		raise_not_proven(problem);
}

/* 55000 if somebody wrote pg_hba.conf after the plan read it: their edit would be lost. */
static void
check_hba_unchanged(const CastsslPlan *plan, const CastsslChange *change)
{
	for (int i = 0; i < plan->hba_before->nfiles; i++)
	{
		const CastsslHbaDocument *document = plan->hba_before->files[i];
		char *path = castssl_path_resolve(document->path, false);
		ListCell *cell;

		foreach (cell, change->files)
		{
			const CastsslChangedFile *file = lfirst(cell);

			if (strcmp(file->path, path) == 0 && file->before_hash &&
				strcmp(file->before_hash, castssl_file_hash(document->data, document->length)) != 0)
				ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
								errmsg("\"%s\" changed while the change was prepared", path),
								errdetail("Somebody else has just written it."),
								errhint("Look at it, and call this again.")));
		}
	}
}

static void
make_true(void *arg)
{
	Apply *apply = arg;

	castssl_journal_begin(apply->change);
	check_hba_unchanged(apply->plan, apply->change);
	switch_over(apply->plan, apply->change);
	castssl_change_take_staged(apply->change);
	reload_and_prove(apply->plan);
	finish(apply->change, apply->options);
}

static void
put_back(void *arg)
{
	Apply *apply = arg;
	CastsslChange *change = apply->change;

	if (castssl_journal_read(change->id) == NULL)
	{
		castssl_journal_abandon(change->id); /* nothing else was written */
		return;
	}
	apply->not_loaded = castssl_change_undo(change, CASTSSL_FAILED);
	if (apply->not_loaded == NULL)
		apply->not_loaded = castssl_prove_restored();
}

/* Raise the error that ended the change, and say what happened to the change. */
static void
raise_undone(const Apply *apply, ErrorData *error, const ErrorData *problem)
{
	const char *outcome = "Everything is as it was before.";

	if (problem)
		outcome = psprintf("It could not be undone: %s.  The next castssl_* call or start of the "
						   "server tries again.",
						   problem->message);
	else if (apply->not_loaded)
		outcome =
			psprintf("Files and parameters are as they were before, but %s.", apply->not_loaded);
	error->detail = error->detail ? psprintf("%s  %s", error->detail, outcome) : pstrdup(outcome);
	if (ExitOnAnyError)
		ThrowErrorData(error); /* which makes it FATAL, as it would have been */
	ReThrowError(error);
}

static void
put_exit_on_error_back(void *arg)
{
	ExitOnAnyError = *(bool *) arg;
}

/*
 * Interrupts are held off on the whole way, so that no cancel or termination
 * request comes in between; waits notice them, and answer barriers.  Nor does
 * exit_on_error end the process before the change is undone.
 */
static void
make_true_or_put_back(CastsslPlan *plan, const CastsslApplyOptions *options)
{
	Apply apply = { .plan = plan, .options = options, .change = describe_change(plan) };
	ErrorData *error;
	ErrorData *problem = NULL;
	bool exit_on_error = ExitOnAnyError;
	CastsslLoan loan;

	castssl_journal_prepare(apply.change);
	if (options->confirm_within > 0)
		castssl_worker_start(apply.change->id); /* first of all, because it may fail */

	HOLD_INTERRUPTS();
	castssl_loan_begin(&loan, put_exit_on_error_back, &exit_on_error);
	ExitOnAnyError = false;
	error = castssl_attempt(make_true, &apply);
	if (error)
		problem = castssl_attempt(put_back, &apply);
	castssl_clear_up();
	castssl_loan_end(&loan);
	if (error == NULL)
		QueryCancelPending = false; /* the cancel came too late, and an error would be untrue */
	RESUME_INTERRUPTS();
	if (error)
		raise_undone(&apply, error, problem);
}

static void
warn_of_restart(void *arg)
{
	/* This plan has read pg_hba.conf, and has loaded the TLS files if TLS is used. */
	static const CastsslFindings none = { 0 };
	CastsslPlan *plan = arg;
	char *problem = castssl_restart_problem(&none, plan->material == NULL);

	if (problem)
		castssl_plan_step(plan, "verify", "restart", CASTSSL_STEP_WARNING,
						  psprintf("the server would not start again: %s", problem));
}

static bool
writes_anything(const CastsslPlan *plan)
{
	return plan->files != NIL || plan->parameters != NIL;
}

/*
 * Add the step about confirmation of this change.  If the plan writes nothing, it is
 * about an earlier change that still waits.
 */
static void
add_confirmation_step(CastsslPlan *plan, int64 confirm_within)
{
	CastsslOutcome outcome = CASTSSL_STEP_CHANGES;
	char *detail;

	if (writes_anything(plan))
	{
		if (confirm_within <= 0)
			return;
		detail = psprintf("from a new connection, within " INT64_FORMAT
						  " s; otherwise everything is put back",
						  confirm_within / 1000);
	}
	else
	{
		CastsslChange *open = castssl_journal_open_change();

		if (open == NULL || open->state != CASTSSL_UNCONFIRMED)
			return;
		outcome = CASTSSL_STEP_WARNING;
		detail = psprintf("change " INT64_FORMAT " is not confirmed yet, and is undone at %s",
						  open->id, timestamptz_to_str(open->confirm_deadline));
	}
	castssl_plan_step(plan, "await confirmation", "SELECT castssl_confirm()", outcome, detail);
}

void
castssl_apply(CastsslPlan *plan, const CastsslApplyOptions *options)
{
	castssl_preflight(plan, options->force, options->confirm_within > 0);
	castssl_prove_add_steps(plan);
	add_confirmation_step(plan, options->confirm_within);
	if (!castssl_plan_changes(plan))
		return;
	if (options->dry_run)
		return;
	if (writes_anything(plan))
		make_true_or_put_back(plan, options);
	else
		reload_and_prove(plan); /* then there is nothing to undo */
	/*
	 * The caller must know what would prevent a restart, no matter who wrote it.  It
	 * undoes nothing.
	 */
	(void) castssl_attempt(warn_of_restart, plan);
}
