/*
 * apply.c
 *		Carries out a plan completely, with proof, or leaves everything as it was.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/settings.h"
#include "change/attempt.h"
#include "change/bridge.h"
#include "change/edited.h"
#include "change/journal.h"
#include "change/lock.h"
#include "change/log.h"
#include "change/pending.h"
#include "change/prune.h"
#include "change/rollback.h"
#include "change/worker.h"
#include "flow/apply/apply.h"
#include "flow/apply/preflight.h"
#include "flow/apply/prove.h"
#include "flow/apply/summary.h"
#include "flow/apply/watched.h"
#include "flow/ask/unloaded.h"
#include "flow/ask/way_in.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/steps.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/swap.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/process/loan.h"
#include "server/reload.h"
#include "server/restart.h"
#include "server/sessions.h"

/* The state of a plan that is carried out. */
typedef struct Apply
{
	CastsslPlan *plan;
	const CastsslApplyOptions *options;
	CastsslChange *change;
	char *not_loaded; /* why it is unknown whether the server has loaded the restored files */
	char *unloaded;   /* what others had edited, but not loaded, before */
	bool reloaded;    /* and a reload may have loaded it */
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
	castssl_way_in_of_plan(change, plan);
	change->uses_staged = plan->uses_staged;
	foreach (cell, plan->undoes)
		change->undoes = lappend(change->undoes, &((CastsslChange *) lfirst(cell))->id);
	castssl_unloaded_remember(change, plan);
	change->server_start = PgStartTime;
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

/* Is that file given new bytes? */
static bool
is_written(const CastsslPlannedFile *file)
{
	return file->data != NULL && !file->content_same;
}

/*
 * Add the parameters that name replaced files to the change, with their stored values: during the
 * switch they name copies (change/bridge.h).
 */
static void
add_bridged_parameters(const CastsslPlan *plan, CastsslChange *change)
{
	change->parameters = list_copy(change->parameters);
	for (int i = 0; castssl_bridge_parameters[i]; i++)
	{
		const char *name = castssl_bridge_parameters[i];
		char *stored = castssl_parameter_stored(name);
		bool named = false;
		ListCell *cell;

		foreach (cell, plan->files)
		{
			const CastsslPlannedFile *file = lfirst(cell);

			named |= is_written(file) && castssl_bridge_names(name, stored, file->path);
		}
		if (named && !castssl_changed_parameter(change->parameters, name))
		{
			CastsslChangedParameter *parameter = palloc0(sizeof(CastsslChangedParameter));

			parameter->name = name;
			parameter->after = stored;
			change->parameters = lappend(change->parameters, parameter);
		}
	}
}

/*
 * Does only one file of TLS change?  Then its rename switches everything at once, and nothing is
 * inconsistent in between.  Even then ssl is among the parameters (castssl_plan_guard_ssl), with
 * its value unchanged.
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

/* Does TLS need a bridge, or ssl = off, while it is switched? */
static bool
needs_guard(const CastsslPlan *plan)
{
	return plan->touches_tls && castssl_changed_parameter(plan->parameters, "ssl") &&
		   !is_one_rename(plan) && castssl_bridge_starts_with_tls();
}

/*
 * The settings with which TLS stays on while its files are replaced, and the copies that they
 * name; NIL if ssl must be stored off instead.
 */
static List *
prepare_bridge(const CastsslPlan *plan, const CastsslChange *change)
{
	bool *replaced = palloc0(Max(list_length(plan->files), 1) * sizeof(bool));
	List *settings;

	if (!needs_guard(plan) || !plan->ssl_after)
		return NIL;
	for (int i = 0; i < list_length(plan->files); i++)
		replaced[i] = is_written(list_nth(plan->files, i));
	if (!castssl_bridge_settings(change, true, replaced, &settings))
		return NIL;
	castssl_directory_make(castssl_journal_next_path(change->id, -1));
	for (int i = 0; i < list_length(plan->files); i++)
	{
		const CastsslPlannedFile *file = list_nth(plan->files, i);

		if (replaced[i] && file->is_tls)
			castssl_file_create(castssl_journal_next_path(change->id, i), file->data, file->length,
								0600);
	}
	castssl_directory_sync(castssl_journal_next_path(change->id, -1));
	return settings;
}

/*
 * Write the new files first: this may fail for lack of space or rights, before anything is
 * replaced.
 */
static void
prepare_files(const CastsslPlan *plan)
{
	ListCell *cell;

	foreach (cell, plan->files)
	{
		const CastsslPlannedFile *file = lfirst(cell);

		if (is_written(file))
			castssl_file_prepare(file->path, file->data, file->length, file->mode, file->owner);
	}
}

/*
 * Keep the text of the rules that the change writes, for edits that somebody makes while it
 * waits.
 */
static void
remember_rules(const CastsslPlan *plan, const CastsslChange *change)
{
	for (int i = 0; i < list_length(plan->files); i++)
	{
		const CastsslPlannedFile *file = list_nth(plan->files, i);

		if (is_written(file) && plan->hba_after && castssl_hba_plan_is_file(plan, file->path))
			castssl_edited_remember(change, i, file->data, file->length);
	}
}

/* Replace the TLS files, or the others, and sync each folder once. */
static void
switch_files(const CastsslPlan *plan, const CastsslChange *change, bool is_tls)
{
	List *folders = NIL;
	ListCell *cell;

	for (int i = 0; i < list_length(plan->files); i++)
	{
		const CastsslPlannedFile *file = list_nth(plan->files, i);
		const char *before = ((CastsslChangedFile *) list_nth(change->files, i))->before_hash;

		if (file->is_tls != is_tls)
			continue;
		if (file->content_same)
			castssl_file_set_mode(file->path, file->mode);
		else if (file->data)
			castssl_swap(file->path, before);
		else
			castssl_swap_away(file->path, before);
		folders = list_append_unique(folders, makeString(castssl_path_folder(file->path)));
	}
	foreach (cell, folders)
		castssl_directory_sync(strVal(lfirst(cell)));
}

static CastsslSetting *
new_setting(const char *name, const char *value)
{
	CastsslSetting *setting = palloc0(sizeof(CastsslSetting));

	setting->name = name;
	setting->value = value;
	return setting;
}

/*
 * The final settings of ssl, of the other parameters, or of both.  expected has the values that
 * are stored now (CastsslSetting), where they differ from those stored before the change.
 */
static List *
final_settings(const CastsslChange *change, const List *expected, bool others, bool ssl)
{
	List *settings = NIL;
	ListCell *cell;
	ListCell *item;

	foreach (cell, change->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);
		CastsslSetting *setting = new_setting(parameter->name, parameter->after);

		setting->check = true;
		setting->expected = parameter->before;
		foreach (item, expected)
		{
			const CastsslSetting *stored = lfirst(item);

			if (strcmp(stored->name, parameter->name) == 0)
				setting->expected = stored->value;
		}
		if (strcmp(parameter->name, "ssl") == 0 ? ssl : others)
			settings = lappend(settings, setting);
	}
	return settings;
}

/*
 * Write everything to disk, in an order in which a crash at any moment leaves a server that
 * starts: while the TLS files and parameters do not fit each other, the parameters name copies
 * that do, or ssl is stored off.
 */
static void
switch_over(const CastsslPlan *plan, CastsslChange *change)
{
	List *bridge = prepare_bridge(plan, change);
	List *expected = bridge;

	remember_rules(plan, change);
	prepare_files(plan);
	HOLD_INTERRUPTS();
	change->switching = true;
	castssl_journal_update(change);

	if (bridge)
		castssl_parameters_store(bridge);
	else if (needs_guard(plan))
	{
		castssl_parameter_store("ssl", "off");
		expected = list_make1(new_setting("ssl", "off"));
	}
	switch_files(plan, change, true);
	castssl_parameters_store(final_settings(change, expected, true, bridge != NIL));
	switch_files(plan, change, false);
	if (bridge == NIL)
		castssl_parameters_store(final_settings(change, expected, false, true));
	castssl_change_take_staged(change);
	RESUME_INTERRUPTS();
}

/* 58000, unless the caller's own cancel stopped the proof. */
static void
raise_not_proven(const char *problem)
{
	CHECK_FOR_INTERRUPTS();
	ereport(ERROR,
			(errcode(ERRCODE_SYSTEM_ERROR), errmsg("the change did not take effect: %s", problem),
			 errhint("The server's log may say why it refused the new configuration.")));
}

/* The change has taken effect: from here on nothing may fail. */
static void
finish(CastsslChange *change)
{
	change->applied_at = GetCurrentTimestamp();
	change->state = CASTSSL_UNCOMMITTED;
	castssl_journal_update(change);
}

static void
reload_and_prove(CastsslPlan *plan)
{
	char *problem = castssl_prove_hba_files(plan);

	if (problem == NULL)
		problem = castssl_reload(castssl_verify_timeout);
	if (problem == NULL)
		problem = castssl_prove(plan);
	if (problem)
		raise_not_proven(problem);
}

/*
 * The caller holds off interrupts.  They are allowed here, except while files are switched and
 * while the journal says that it is done.  So a cancel is an error, which is undone like any
 * other.
 */
static void
make_true(void *arg)
{
	Apply *apply = arg;

	RESUME_INTERRUPTS();
	castssl_journal_begin(apply->change);
	switch_over(apply->plan, apply->change);
	reload_and_prove(apply->plan);
	if (apply->options->confirm_within > 0)
		apply->change->sessions = castssl_sessions_identities();
	HOLD_INTERRUPTS();
	finish(apply->change);
}

/* Undo the change.  No cancel is allowed here: the call ends with an error anyway. */
static void
put_back(void *arg)
{
	Apply *apply = arg;
	CastsslChange *change = apply->change;

	HOLD_CANCEL_INTERRUPTS();
	RESUME_INTERRUPTS();
	if (castssl_journal_read(change->id) == NULL)
		castssl_journal_abandon(change->id); /* nothing else was written */
	else
	{
		apply->reloaded = true;
		apply->not_loaded = castssl_change_undo(change, CASTSSL_FAILED);
		if (apply->not_loaded == NULL)
			apply->not_loaded = castssl_prove_restored();
		castssl_log_undone(change, apply->not_loaded, LOG_SERVER_ONLY);
	}
	HOLD_INTERRUPTS();
	RESUME_CANCEL_INTERRUPTS();
}

/* Raise the error that ended the change, and say what happened to the change. */
static void
raise_undone(const Apply *apply, ErrorData *error, const ErrorData *problem)
{
	const char *outcome = "Everything is as it was before.";

	if (problem)
		outcome = psprintf("The change could not be undone: %s.  The next castssl_* call or start "
						   "of the server tries again.",
						   problem->message);
	else if (apply->not_loaded)
		outcome =
			psprintf("Files and parameters are as they were before, but %s.", apply->not_loaded);
	else if (apply->unloaded && apply->reloaded)
		outcome = psprintf("Files and parameters are as they were before.  The reload has also "
						   "loaded edits that somebody else had made before this call: %s.",
						   apply->unloaded);
	error->detail = error->detail ? psprintf("%s  %s", error->detail, outcome) : pstrdup(outcome);
	if (ExitOnAnyError)
		ThrowErrorData(error); /* makes it FATAL, because exit_on_error is on */
	ReThrowError(error);
}

static void
put_exit_on_error_back(void *arg)
{
	ExitOnAnyError = *(bool *) arg;
}

/* The statement that keeps this change and no other. */
static char *
confirm_statement(int64 id)
{
	return psprintf("SELECT castssl_confirm(" INT64_FORMAT ")", id);
}

/* Name the change in the row about confirmation, and its statement in the summary. */
static void
name_confirmation(CastsslPlan *plan, CastsslStep *step, int64 id)
{
	plan->confirmation = confirm_statement(id);
	step->target = psprintf("change " INT64_FORMAT, id);
}

/* Name the change in the rows, so that a late caller does not confirm somebody else's change. */
static void
name_change(CastsslPlan *plan, int64 id)
{
	CastsslStep *step = castssl_step_find(plan->steps, CASTSSL_CONFIRMATION);

	plan->change_id = id;
	if (step)
	{
		name_confirmation(plan, step, id);
		step->detail = psprintf("%s; %s", plan->confirmation, step->detail);
	}
}

/*
 * If make_true fails, also by a cancel, the change is undone.  exit_on_error is off meanwhile, so
 * that it does not end the process before that.  If a termination request does, the worker that
 * watches, or the exit of this process, undoes the change (castssl_worker_stand_in).
 */
static void
make_true_or_put_back(CastsslPlan *plan, const CastsslApplyOptions *options)
{
	Apply apply = { .plan = plan,
					.options = options,
					.change = describe_change(plan),
					.unloaded = castssl_unloaded_files(plan->hba_before) };
	ErrorData *error;
	ErrorData *problem = NULL;
	bool exit_on_error = ExitOnAnyError;
	bool watched;
	CastsslLoan loan;

	if (needs_guard(plan))
		add_bridged_parameters(plan, apply.change);
	castssl_journal_prepare(apply.change);
	watched = castssl_worker_start(apply.change->id, options->confirm_within > 0);

	HOLD_INTERRUPTS();
	castssl_loan_begin(&loan, put_exit_on_error_back, &exit_on_error);
	ExitOnAnyError = false;
	error = castssl_attempt(make_true, &apply);
	if (error)
	{
		apply.change->reason = error->message;
		problem = castssl_attempt(put_back, &apply);
	}
	castssl_clear_up();
	castssl_watch_wake();
	castssl_loan_end(&loan);
	if (error == NULL)
	{
		castssl_pending_add(CASTSSL_PENDING_KEEP, apply.change->id, options->confirm_within);
		QueryCancelPending = false; /* the cancel came too late, and an error would be wrong */
	}
	RESUME_INTERRUPTS();
	if (error)
		raise_undone(&apply, error, problem);
	castssl_watched_warn(plan, watched);
	name_change(plan, apply.change->id);
}

static void
warn_of_restart(void *arg)
{
	/* This plan has read pg_hba.conf, and has loaded the TLS files if TLS is used. */
	static const CastsslFindings none = { 0 };
	CastsslPlan *plan = arg;
	char *problem =
		castssl_restart_problem(&none, plan->material ? CASTSSL_TLS_KNOWN : CASTSSL_TLS_ASK);

	if (problem)
		castssl_plan_warn(plan, "verify", "restart", CASTSSL_CODE_restart_unsafe,
						  castssl_restart_sentence(problem));
}

/*
 * Add the row about confirming this change or, if the plan writes nothing, an earlier one that
 * waits.
 */
static void
add_confirmation_step(CastsslPlan *plan, int64 confirm_within)
{
	CastsslOutcome outcome = CASTSSL_STEP_WAITING;
	CastsslStep *step;
	int64 id = 0;
	char *detail;

	if (castssl_plan_writes(plan))
	{
		if (confirm_within <= 0)
			return;
		if (confirm_within < CASTSSL_SHORT_DEADLINE)
			castssl_plan_warn(plan, CASTSSL_CONFIRMATION, "confirm_within",
							  CASTSSL_CODE_short_deadline,
							  "an interval without a unit counts seconds: were minutes meant?");
		detail = psprintf("from a new connection within %s, or this change is undone",
						  castssl_span_text(confirm_within));
	}
	else
	{
		CastsslChange *open = castssl_journal_open_change();

		if (open == NULL || open->state != CASTSSL_UNCONFIRMED)
			return;
		outcome = CASTSSL_STEP_WARNING;
		id = open->id;
		detail = psprintf("%s; from a new connection before %s, or this change is undone",
						  confirm_statement(id), castssl_clock_text(open->confirm_deadline));
	}
	castssl_plan_step(plan, CASTSSL_CONFIRMATION, "this change", outcome, detail);
	step = llast(plan->steps);
	step->code = CASTSSL_CODE_unconfirmed;
	if (id != 0)
		name_confirmation(plan, step, id);
}

static void
apply(CastsslPlan *plan, const CastsslApplyOptions *options)
{
	castssl_preflight(plan, options->force, options->confirm_within > 0, &options->again,
					  options->dry_run);
	castssl_prove_add_steps(plan);
	add_confirmation_step(plan, options->confirm_within);
	if (!castssl_plan_changes(plan) || options->dry_run)
		return;
	if (castssl_plan_writes(plan))
		make_true_or_put_back(plan, options);
	else
		reload_and_prove(plan); /* then there is nothing to undo */
	/*
	 * The caller must learn what would prevent a restart, no matter who wrote it.  This undoes
	 * nothing.
	 */
	(void) castssl_attempt(warn_of_restart, plan);
}

void
castssl_apply(CastsslPlan *plan, const CastsslApplyOptions *options)
{
	apply(plan, options);
	if (options->dry_run)
		castssl_watched_foresee(plan, options->confirm_within > 0);
	castssl_summary_add(plan, options->dry_run);
}
