/*
 * worker.c
 *		The process that undoes a change that nobody confirms.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "base/fault.h"
#include "change/attempt.h"
#include "change/lock.h"
#include "change/rollback.h"
#include "change/worker.h"

/* Milliseconds until the worker reads the journal again: */
#define NAP_LONGEST 10000 /* at most, because clocks jump */
#define NAP_BUSY 100      /* another process holds the lock */
#define NAP_FAILED 10000  /* undoing failed, try again */
#define NAP_FOREVER (-1)  /* nothing to watch */

/* Seconds until a terminated worker starts again. */
#define RESTART_TIME 2

/* What a worker watches. */
typedef struct Watch
{
	int64 change_id; /* this change; 0: any open one */
	bool clear_up;   /* first undo and remove what was interrupted */
	bool begun;      /* castssl_watch_begin was called */
	long nap;        /* until the journal must be read again */
} Watch;

extern PGDLLEXPORT void castssl_worker_main(Datum argument);

/* Common settings of castssl_worker_start and castssl_worker_register. */
static void
describe_worker(BackgroundWorker *worker)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_ConsistentState;
	/*
	 * Not BGW_NEVER_RESTART: the postmaster forgets such a worker when any server
	 * process crashes.
	 */
	worker->bgw_restart_time = RESTART_TIME;
	strlcpy(worker->bgw_library_name, "pg_castssl", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, "castssl_worker_main", BGW_MAXLEN);
	strlcpy(worker->bgw_type, "pg_castssl", BGW_MAXLEN);
}

void
castssl_worker_start(int64 change_id)
{
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	pid_t pid = 0;

	describe_worker(&worker);
	snprintf(worker.bgw_name, BGW_MAXLEN, "pg_castssl change " INT64_FORMAT, change_id);
	worker.bgw_main_arg = Int64GetDatum(change_id);
	worker.bgw_notify_pid = MyProcPid;
	CASTSSL_FAULT("start worker");
	if (!RegisterDynamicBackgroundWorker(&worker, &handle) ||
		WaitForBackgroundWorkerStartup(handle, &pid) != BGWH_STARTED)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no background worker could be started to undo the change"),
				 errdetail("confirm_within needs one free slot of max_worker_processes (%d).",
						   max_worker_processes),
				 errhint("Raise max_worker_processes and restart the server, or try again "
						 "when a worker has ended.")));
	CASTSSL_FAULT("started worker");
}

void
castssl_worker_register(void)
{
	BackgroundWorker worker;

	describe_worker(&worker);
	strlcpy(worker.bgw_name, "pg_castssl recovery", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

/* Undo what is due; false if another process holds the lock. */
static bool
recover(int elevel)
{
	if (!castssl_lock_try())
		return false;
	PG_TRY();
	{
		CASTSSL_FAULT_BEGIN();
		castssl_change_recover(elevel);
	}
	PG_FINALLY();
	{
		castssl_lock_release();
	}
	PG_END_TRY();
	return true;
}

/* Will the holder of the lock write the change with that id soon? */
static bool
may_still_begin(void)
{
	if (!castssl_lock_try())
		return true;
	castssl_lock_release();
	return false;
}

/* Milliseconds until the deadline; 0: it has passed. */
static long
time_left(const CastsslChange *change)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), change->confirm_deadline);
}

/* Read the journal, and undo what is due. */
static void
look(void *arg)
{
	Watch *watch = arg;
	CastsslChange *change;

	watch->nap = NAP_BUSY;
	if (watch->clear_up && !recover(LOG))
		return;
	watch->clear_up = false;

	change =
		watch->change_id ? castssl_journal_read(watch->change_id) : castssl_journal_open_change();
	if (change == NULL && watch->change_id != 0 && may_still_begin())
		return;
	if (change == NULL || !castssl_change_is_open(change))
		watch->nap = NAP_FOREVER;
	else if (change->state == CASTSSL_UNCONFIRMED && time_left(change) > 0)
		watch->nap = Min(NAP_LONGEST, time_left(change));
	else if (recover(LOG))
		watch->nap = 0;
}

/* As above in a transaction of its own.  A failure is logged, and the worker tries again. */
static void
look_again(Watch *watch)
{
	ErrorData *error;

	StartTransactionCommand();
	error = castssl_attempt(look, watch);
	if (error)
	{
		ereport(WARNING,
				(errmsg("pg_castssl: a change could not be undone yet: %s", error->message),
				 error->detail ? errdetail("%s", error->detail) : 0,
				 errhint("This is tried again every %d seconds.", NAP_FAILED / 1000)));
		watch->nap = NAP_FAILED;
	}
	if (watch->nap != NAP_FOREVER && !watch->begun)
		castssl_watch_begin();
	if (watch->nap == NAP_FOREVER && watch->begun)
		castssl_watch_end();
	watch->begun = (watch->nap != NAP_FOREVER);
	CommitTransactionCommand();
	pgstat_report_activity(watch->begun ? STATE_RUNNING : STATE_IDLE,
						   watch->begun ? "waiting for castssl_confirm()" : NULL);
}

/*
 * Entry point of both workers.  The argument is the change to watch; 0: recover, then
 * watch the open change.
 */
void
castssl_worker_main(Datum argument)
{
	Watch watch = { .change_id = DatumGetInt64(argument) };

	watch.clear_up = (watch.change_id == 0);
	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	pqsignal(SIGINT, PG_SIG_IGN); /* a cancel does not end the watch */
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	while (!ShutdownRequestPending)
	{
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		look_again(&watch);
		if (watch.nap == NAP_FOREVER && watch.change_id != 0)
			proc_exit(0); /* does not start again */
		if (watch.nap != 0)
			(void) WaitLatch(MyLatch,
							 WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | (watch.nap > 0 ? WL_TIMEOUT : 0),
							 watch.nap, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	proc_exit(1); /* starts again after RESTART_TIME, unless the server shuts down */
}

static void
stand_in(void *arg)
{
	if (castssl_change_recovery_is_due())
		(void) recover(WARNING);
}

/* Start a worker for an unconfirmed change, because no worker survives a restart of the server. */
static void
start_missing_worker(void *arg)
{
	CastsslChange *open = castssl_journal_open_change();

	if (open && open->state == CASTSSL_UNCONFIRMED && time_left(open) > 0 &&
		!castssl_watch_exists())
		castssl_worker_start(open->id);
}

void
castssl_worker_stand_in(void)
{
	ErrorData *error = castssl_attempt(stand_in, NULL);

	if (error == NULL)
		(void) castssl_attempt(start_missing_worker, NULL);
	else if (error->sqlerrcode == ERRCODE_QUERY_CANCELED)
		ReThrowError(error);
	else
		ereport(WARNING,
				(errmsg("a change could not be undone yet: %s", error->message),
				 error->detail ? errdetail("%s", error->detail) : 0,
				 errhint("The next castssl_* call and the next start of the server try again.")));
}
