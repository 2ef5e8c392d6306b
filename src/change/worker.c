/*
 * worker.c
 *		The process that undoes a change that nobody confirms.
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_authid.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/pmsignal.h"
#include "tcop/tcopprot.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/compat.h"
#include "base/fault.h"
#include "base/settings.h"
#include "change/attempt.h"
#include "change/journal.h"
#include "change/lock.h"
#include "change/pending.h"
#include "change/prune.h"
#include "change/recover.h"
#include "change/worker.h"
#include "server/process/loan.h"
#include "server/process/raise.h"
#include "server/process/slots.h"
#include "server/process/wait.h"

/* Milliseconds until the worker reads the journal again: */
#define NAP_LONGEST 10000 /* the longest before a deadline, because clocks can be set */
#define NAP_BUSY 100      /* another process holds the lock */
#define NAP_COMMIT 2000   /* the longest while the transaction of a change runs */
#define SAY_AGAIN 3600    /* seconds until the same WARNING is repeated */
#define NAP_FAILED 10000  /* undoing failed, try again */
#define NAP_FOREVER (-1)  /* nothing to watch */

/* Milliseconds to wait for a new worker, at least, and between two looks at it. */
#define START_TIMEOUT 10000
#define START_PAUSE 10

/* Seconds until the postmaster starts a terminated worker again. */
#define RESTART_TIME 2

/* The state of a worker. */
typedef struct Watch
{
	bool stays;    /* it runs as long as the server, not for one change */
	bool clear_up; /* at its start it undoes and removes what was interrupted */
	bool begun;    /* this process is the one that watches */
	bool over;     /* it is not needed any more */
	long nap;      /* milliseconds until it reads the journal again */
	long busy;     /* the last nap for a running transaction, whose end wakes this process */
} Watch;

extern PGDLLEXPORT void castssl_worker_main(Datum argument);

/*
 * The fields that castssl_worker_start and castssl_worker_register set alike.  The argument is
 * a bool, which every build passes by value: a pointer would be invalid in the worker.
 */
static void
describe_worker(BackgroundWorker *worker, bool stays)
{
	memset(worker, 0, sizeof(*worker));
	worker->bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker->bgw_start_time = BgWorkerStart_ConsistentState;
	/*
	 * Not BGW_NEVER_RESTART: the postmaster forgets such a worker when any server
	 * process crashes.
	 */
	worker->bgw_restart_time = RESTART_TIME;
	worker->bgw_main_arg = BoolGetDatum(stays);
	strlcpy(worker->bgw_library_name, "pg_castssl", sizeof(worker->bgw_library_name));
	strlcpy(worker->bgw_function_name, "castssl_worker_main", BGW_MAXLEN);
	strlcpy(worker->bgw_type, "pg_castssl", BGW_MAXLEN);
}

bool
castssl_worker_can_watch(void)
{
	return castssl_watch_exists() || castssl_slot_is_free();
}

void
castssl_worker_raise_no_slot(void)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("no background worker could be started to undo the change"),
					errdetail("confirm_within needs one free slot of max_worker_processes (%d).",
							  max_worker_processes),
					errhint("Raise max_worker_processes and restart the server, or try again "
							"when a worker has ended."),
					castssl_err_reason("castssl_no_worker")));
}

/*
 * Wait until the worker watches; false if it does not.  A worker that was forked may still fail:
 * its library may be missing.
 */
static bool
wait_until_it_watches(BackgroundWorkerHandle *handle)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(),
													   Max(castssl_verify_timeout, START_TIMEOUT));
	bool forked = false;
	pid_t pid;

	while (!castssl_watch_exists())
	{
		BgwHandleStatus status = GetBackgroundWorkerPid(handle, &pid);

		if (status == BGWH_STOPPED || status == BGWH_POSTMASTER_DIED ||
			(status == BGWH_NOT_YET_STARTED && forked) || GetCurrentTimestamp() >= deadline)
			return false;
		forked |= (status == BGWH_STARTED);
		castssl_sleep(START_PAUSE);
	}
	return true;
}

static void
start(void *arg)
{
	int64 change_id = *(int64 *) arg;
	BackgroundWorker worker;
	BackgroundWorkerHandle *handle;
	volatile bool watches = false;

	describe_worker(&worker, false);
	snprintf(worker.bgw_name, BGW_MAXLEN, "pg_castssl change " INT64_FORMAT, change_id);
	worker.bgw_notify_pid = MyProcPid;
	CASTSSL_FAULT("start worker");
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		castssl_worker_raise_no_slot();
	PG_TRY();
	{
		watches = wait_until_it_watches(handle);
	}
	PG_FINALLY();
	{
		/* otherwise the postmaster would start it again and again */
		if (!watches)
			TerminateBackgroundWorker(handle);
	}
	PG_END_TRY();
	if (!watches)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("no background worker could be started to undo the change"),
						errdetail("The worker was registered, but did not start."),
						errhint("The server's log says why.  Without confirm_within no worker is "
								"needed."),
						castssl_err_reason("castssl_no_worker")));
	CASTSSL_FAULT("started worker");
}

bool
castssl_worker_start(int64 change_id, bool required)
{
	bool watched = true;

	if (castssl_watch_exists())
		return true; /* it does not end while we hold the lock */
	if (required)
		start(&change_id);
	else
		watched = (castssl_attempt(start, &change_id) == NULL);
	castssl_watch_wake();
	return watched;
}

static bool registered = false; /* in the postmaster, and so in all its children */

void
castssl_worker_register(void)
{
	BackgroundWorker worker;

	registered = true;
	describe_worker(&worker, true);
	strlcpy(worker.bgw_name, "pg_castssl recovery", BGW_MAXLEN);
	RegisterBackgroundWorker(&worker);
}

bool
castssl_worker_is_registered(void)
{
	return registered;
}

/* Undo what is due; false if another process holds the lock. */
static bool
recover(int elevel)
{
	/* if the postmaster is gone, another server may be starting with these files */
	if (!PostmasterIsAlive() || !castssl_lock_try_to_undo())
		return false;
	PG_TRY();
	{
		CASTSSL_FAULT_BEGIN();
		castssl_change_recover(elevel);
	}
	PG_FINALLY();
	{
		castssl_lock_release_to_undo();
	}
	PG_END_TRY();
	return true;
}

/* Milliseconds until the deadline; 0: it has passed. */
static long
time_left(const CastsslChange *change)
{
	return TimestampDifferenceMilliseconds(GetCurrentTimestamp(), change->confirm_deadline);
}

/*
 * No change is open: clear up, then sleep or end.  This needs the lock, so that no change can
 * begin which relies on this worker.
 */
static void
rest(Watch *watch)
{
	if (!castssl_lock_try_to_undo())
		return;
	PG_TRY();
	{
		if (castssl_journal_open_change() == NULL)
		{
			castssl_clear_up();
			watch->nap = NAP_FOREVER;
			watch->over = !watch->stays;
		}
		if (watch->over)
		{
			castssl_watch_end();
			watch->begun = false;
			CASTSSL_FAULT("watch ended");
		}
	}
	PG_FINALLY();
	{
		castssl_lock_release_to_undo();
	}
	PG_END_TRY();
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

	change = castssl_journal_open_change();
	if (change == NULL)
		rest(watch);
	else if (change->state == CASTSSL_UNCONFIRMED && time_left(change) > 0)
	{
		if (change->decided)
			(void) recover(LOG); /* clears up behind a decision that was rolled back */
		watch->nap = Min(NAP_LONGEST, time_left(change));
	}
	else if (change->state == CASTSSL_UNCOMMITTED && castssl_lock_is_held())
		watch->nap = watch->busy = Min(NAP_COMMIT, 2 * watch->busy);
	else if (recover(LOG))
		watch->nap = 0;
}

/*
 * The first superuser.  A worker runs as the bootstrap superuser, but that role may have lost
 * the attribute.
 */
static Oid
find_superuser(void)
{
	Relation relation = table_open(AuthIdRelationId, AccessShareLock);
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false, NULL, 0, NULL);
	HeapTuple tuple;
	Oid found = InvalidOid;

	while (!OidIsValid(found) && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_authid role = (Form_pg_authid) GETSTRUCT(tuple);

		if (role->rolsuper)
			found = role->oid;
	}
	systable_endscan(scan);
	table_close(relation, AccessShareLock);
	return found;
}

static void
become_superuser(void)
{
	Oid role = superuser() ? InvalidOid : find_superuser();

	if (OidIsValid(role))
		SetUserIdAndSecContext(role, 0);
}

/* Report why a change could not be undone: once, then every hour, and when the reason changes. */
static void
say_failed(const ErrorData *error)
{
	static char said[256];
	static TimestampTz said_at;
	TimestampTz now = GetCurrentTimestamp();
	bool again = strncmp(said, error->message, sizeof(said) - 1) == 0 && now >= said_at &&
				 now - said_at < SAY_AGAIN * USECS_PER_SEC;

	if (again)
		return;
	strlcpy(said, error->message, sizeof(said));
	said_at = now;
	ereport(
		WARNING,
		(errmsg("pg_castssl: a change could not be undone yet: %s", error->message),
		 error->detail ? errdetail("%s", error->detail) : 0,
		 errhint(
			 "The worker tries again every %d seconds, and repeats this message after %d minutes.",
			 NAP_FAILED / 1000, SAY_AGAIN / 60)));
}

/* Call look() in a transaction of its own.  An error is logged, and tried again later. */
static void
look_again(Watch *watch)
{
	ErrorData *error;

	StartTransactionCommand();
	become_superuser();
	pgstat_report_activity(STATE_RUNNING, "looking at the changes");
	error = castssl_attempt(look, watch);
	if (error)
	{
		say_failed(error);
		watch->nap = NAP_FAILED;
	}
	CommitTransactionCommand();
	pgstat_report_activity(STATE_IDLE, watch->nap == NAP_FOREVER ? "nothing to watch over"
																 : "waiting for castssl_confirm()");
}

/* Become the process that watches; false if another worker still does. */
static bool
begin_to_watch(Watch *watch)
{
	if (!watch->begun)
		watch->begun = castssl_watch_begin();
	if (watch->begun)
		return true;
	watch->over = !watch->stays;
	watch->nap = NAP_LONGEST;
	return false;
}

/* Entry point of both workers.  The argument says whether it stays. */
void
castssl_worker_main(Datum argument)
{
	Watch watch = { .stays = DatumGetBool(argument),
					.clear_up = DatumGetBool(argument),
					.busy = NAP_BUSY / 2 };

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, die);
	pqsignal(SIGINT, PG_SIG_IGN); /* a query cancel must not stop the deadline */
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	/* A termination request ends the process in castssl_wait; it restarts after RESTART_TIME. */
	for (;;)
	{
		int events;

		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
		if (begin_to_watch(&watch))
			look_again(&watch);
		if (watch.over)
			proc_exit(0); /* for good */
		events = watch.nap == 0 ? 0 : castssl_wait(0, PGINVALID_SOCKET, watch.nap);
		if (events & WL_POSTMASTER_DEATH)
			proc_exit(1); /* LCOV_EXCL_LINE: nobody counts then */
		if (events & WL_LATCH_SET)
			watch.busy = NAP_BUSY / 2;
	}
}

static void
stand_in(void *arg)
{
	if (castssl_change_recovery_is_due())
		(void) recover(WARNING);
}

/*
 * Undo what this session leaves behind when it ends during a change (then it still holds the
 * lock), or during a transaction with changes.  An error here is FATAL, and the session still ends.
 */
static void
undo_at_exit(int code, Datum arg)
{
	if (!castssl_lock_is_ours() && castssl_pending_list() == NIL)
		return;
	castssl_loan_end_all();
	AbortOutOfAnyTransaction();
	StartTransactionCommand();
	become_superuser();
	if (castssl_change_recovery_is_due())
		(void) recover(LOG);
	CommitTransactionCommand();
}

/* Start a worker for an unconfirmed change, because no worker survives a restart of the server. */
static void
start_missing_worker(void *arg)
{
	CastsslChange *open = castssl_journal_open_change();

	if (open == NULL || open->state != CASTSSL_UNCONFIRMED || time_left(open) <= 0 ||
		castssl_watch_exists() || !castssl_lock_try_to_undo())
		return;
	PG_TRY();
	{
		(void) castssl_worker_start(open->id, true);
	}
	PG_FINALLY();
	{
		castssl_lock_release_to_undo();
	}
	PG_END_TRY();
}

void
castssl_worker_stand_in(void)
{
	static bool undoes_at_exit;
	ErrorData *error;

	if (!IsUnderPostmaster)
		return;
	if (!undoes_at_exit)
		before_shmem_exit(undo_at_exit, 0);
	undoes_at_exit = true;
	error = castssl_attempt(stand_in, NULL);
	if (error == NULL)
		error = castssl_attempt(start_missing_worker, NULL);
	if (error)
		ereport(WARNING,
				(errmsg("a change could not be undone yet: %s", error->message),
				 error->detail ? errdetail("%s", error->detail) : 0,
				 errhint("The next castssl_* call that changes something, and the next start of "
						 "the server, try again.")));
}

typedef struct Open
{
	CastsslChange *change; /* NULL: none */
	char *reason;          /* castssl_change_why_left_alone() */
} Open;

static void
find_open(void *arg)
{
	Open *open = arg;

	open->change = castssl_journal_open_change();
	if (open->change)
		open->reason = castssl_change_why_left_alone(open->change);
}

void
castssl_worker_tell(void)
{
	Open found = { 0 };
	ErrorData *error = castssl_attempt(find_open, &found);
	const CastsslChange *open = found.change;
	bool waits;

	if (error)
		ereport(WARNING, (errmsg("could not find out whether a change waits: %s", error->message),
						  error->detail ? errdetail("%s", error->detail) : 0));
	if (open == NULL || castssl_lock_is_held() || castssl_watch_exists())
		return;
	if (found.reason)
	{
		ereport(WARNING,
				(errmsg("change " INT64_FORMAT " (%s) has not ended, and is not undone here",
						open->id, open->action),
				 errdetail("Reason: %s.", found.reason),
				 errhint("%s", castssl_change_hint_to_end(open))));
		return;
	}
	waits = open->state == CASTSSL_UNCONFIRMED && time_left(open) > 0;
	ereport(WARNING,
			(errmsg(waits ? "change " INT64_FORMAT " (%s) waits to be confirmed"
						  : "change " INT64_FORMAT " (%s) waits to be undone",
					open->id, open->action),
			 waits
				 ? errdetail(
					   "No worker watches it since the server was restarted.  Its deadline is %s.",
					   castssl_clock_text(open->confirm_deadline))
			 : open->state == CASTSSL_UNCONFIRMED
				 ? errdetail("Nobody confirmed it in time, and no worker is running to undo it.")
			 : open->state == CASTSSL_UNCOMMITTED
				 ? errdetail("Its transaction did not commit, and no worker is running to undo it.")
				 : errdetail("It was interrupted, and no worker is running to undo it."),
			 errhint("A superuser starts the worker by: SELECT * FROM castssl_changes();")));
}
