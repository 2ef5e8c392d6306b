/*
 * lock.c
 *		One change at a time in the whole cluster, and the processes that watch over it.
 *
 * The lock is a session-level advisory lock.  Its tag contains no database, so it is the
 * same lock in every database.  The server releases it when the session ends.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"

#include "base/compat.h"
#include "base/settings.h"
#include "change/lock.h"
#include "server/process/call.h"
#include "server/process/wait.h"
#include "server/reload.h"

/* The longest wait for a process that undoes a change, with a reload, in milliseconds. */
#define UNDO_PATIENCE Max(10000, 2 * castssl_verify_timeout)
/* The shortest wait for any other process: its change may be about to end. */
#define PATIENCE 200
/* Milliseconds between two tries: the first, and the longest. */
#define PAUSE 10
#define PAUSE_LONGEST 100

/* "castssl", and lock classes of our own besides the 1 and 2 that SQL functions use. */
#define LOCK_KEY 0x63617374
#define CLASS_CHANGE 3 /* whoever changes, undoes or has staged something */
#define CLASS_WATCH 4  /* the process that watches over an open change */

/*
 * The modes of CLASS_CHANGE.  A change keeps out all others.  Undoing, and so confirming, keeps out
 * changes and other undoing, but not a transaction that has staged something: that one may stay
 * open past the deadline of a change.
 */
#define TO_CHANGE ExclusiveLock
#define TO_UNDO ShareUpdateExclusiveLock
#define HAS_STAGED RowExclusiveLock

#define CHANGES_OR_UNDOES (LOCKBIT_ON(TO_CHANGE) | LOCKBIT_ON(TO_UNDO))
#define ANY_MODE (~0)

static int taken; /* how many times this session holds it to change or to undo */

static LOCKTAG
lock_tag(uint16 class)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, LOCK_KEY, 0, class);
	return tag;
}

/* A process that holds the lock in one of these modes, but not the process except; 0: none does. */
static int
holder_of(uint16 class, LOCKMASK modes, int except)
{
	LOCKTAG tag = lock_tag(class);
	LockData *locks = GetLockStatusData();
	int holder = 0;

	for (int i = 0; i < locks->nelements && holder == 0; i++)
	{
		LockInstanceData *lock = &locks->locks[i];

		if (memcmp(&lock->locktag, &tag, sizeof(LOCKTAG)) == 0 && (lock->holdMask & modes) != 0 &&
			lock->pid != except)
			holder = lock->pid;
	}
	if (locks->locks)
		pfree(locks->locks);
	pfree(locks);
	return holder;
}

/* Does no other process change or undo something? */
static bool
is_free(void)
{
	return holder_of(CLASS_CHANGE, CHANGES_OR_UNDOES, MyProcPid) == 0;
}

static bool
try_in_mode(LOCKMODE mode)
{
	LOCKTAG tag = lock_tag(CLASS_CHANGE);

	if (LockAcquire(&tag, mode, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	taken++;
	return true;
}

static void
release_in_mode(LOCKMODE mode)
{
	LOCKTAG tag = lock_tag(CLASS_CHANGE);

	taken--;
	LockRelease(&tag, mode, true);
}

static bool
try_to_change(void)
{
	return try_in_mode(TO_CHANGE);
}

bool
castssl_lock_try_to_undo(void)
{
	return try_in_mode(TO_UNDO);
}

bool
castssl_lock_is_ours(void)
{
	return taken > 0;
}

bool
castssl_lock_is_held(void)
{
	return holder_of(CLASS_CHANGE, CHANGES_OR_UNDOES, 0) != 0;
}

/* 55P03 for a process that has staged something in a transaction that is still open. */
static void
raise_staged(int holder)
{
	ereport(ERROR, (errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					errmsg("another session has staged edits of pg_hba.conf"),
					errdetail("Process %d holds the lock until its transaction ends.", holder),
					errhint("Try again when that transaction has ended.  To wait for it: SET "
							"lock_timeout = '1min';  To end it: SELECT pg_terminate_backend(%d);",
							holder)));
}

/* How to end the process that holds the lock to change something; "" for one that undoes it. */
static char *
hint_to_end(int holder)
{
	if (holder == 0 || holder != holder_of(CLASS_CHANGE, LOCKBIT_ON(TO_CHANGE), MyProcPid))
		return pstrdup("");
	return psprintf("  To end that change, and take it back: SELECT pg_terminate_backend(%d);",
					holder);
}

/*
 * Wait until try() returns true, which needs that no other process holds the lock in these modes.
 * At most lock_timeout or PATIENCE, whichever is longer; for a process that undoes something,
 * UNDO_PATIENCE.
 */
static void
wait_for_lock(bool (*try)(void), LOCKMASK modes)
{
	int64 waited = 0;
	int pause = PAUSE;

	castssl_reload_check_possible();
	while (!try())
	{
		int holder = holder_of(CLASS_CHANGE, modes & CHANGES_OR_UNDOES, MyProcPid);
		int staged =
			holder == 0 ? holder_of(CLASS_CHANGE, modes & LOCKBIT_ON(HAS_STAGED), MyProcPid) : 0;
		bool undoes =
			staged == 0 && holder == holder_of(CLASS_CHANGE, LOCKBIT_ON(TO_UNDO), MyProcPid);
		bool late = waited >= Max(LockTimeout, undoes ? UNDO_PATIENCE : PATIENCE);

		if (late && staged != 0)
			raise_staged(staged);
		/* it may have let go between these looks */
		if (late && holder == holder_of(CLASS_CHANGE, modes & CHANGES_OR_UNDOES, MyProcPid))
			ereport(
				ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("another change of pg_castssl is running"),
				 holder != 0 ? errdetail("Process %d holds the lock.", holder)
							 : errdetail("The other change has just ended."),
				 errhint("Try again when the other change has ended: SELECT * FROM "
						 "castssl_changes() shows its state.  To wait for it: SET lock_timeout = "
						 "'1min';%s",
						 hint_to_end(holder))));
		castssl_sleep(pause);
		waited += pause;
		pause = Min(2 * pause, PAUSE_LONGEST);
		castssl_call_forget(); /* the other change may have changed what this call has read */
	}
}

void
castssl_lock_acquire(void)
{
	wait_for_lock(try_to_change, ANY_MODE);
}

void
castssl_lock_acquire_to_undo(void)
{
	wait_for_lock(castssl_lock_try_to_undo, CHANGES_OR_UNDOES);
}

void
castssl_lock_wait(void)
{
	wait_for_lock(is_free, CHANGES_OR_UNDOES);
}

void
castssl_lock_release(void)
{
	release_in_mode(TO_CHANGE);
}

void
castssl_lock_release_to_undo(void)
{
	release_in_mode(TO_UNDO);
}

static void
keep_in_mode(LOCKMODE mode)
{
	LOCKTAG tag = lock_tag(CLASS_CHANGE);

	(void) LockAcquire(&tag, mode, false, true);
}

void
castssl_lock_keep(void)
{
	keep_in_mode(TO_CHANGE);
}

void
castssl_lock_keep_to_undo(void)
{
	keep_in_mode(TO_UNDO);
}

void
castssl_lock_keep_staged(void)
{
	keep_in_mode(HAS_STAGED);
}

bool
castssl_lock_has_staged(void)
{
	LOCKTAG tag = lock_tag(CLASS_CHANGE);

	return CASTSSL_LOCK_HELD_BY_ME(&tag, HAS_STAGED);
}

bool
castssl_watch_begin(void)
{
	LOCKTAG tag = lock_tag(CLASS_WATCH);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
castssl_watch_end(void)
{
	LOCKTAG tag = lock_tag(CLASS_WATCH);

	LockRelease(&tag, ExclusiveLock, true);
}

/* The process that watched at the last look.  Its latch stays valid in shared memory. */
static PGPROC *watcher;

void
castssl_watch_wake(void)
{
	watcher = BackendPidGetProc(holder_of(CLASS_WATCH, ANY_MODE, 0));
	castssl_watch_wake_again();
}

void
castssl_watch_wake_again(void)
{
	if (watcher)
		SetLatch(&watcher->procLatch);
}

bool
castssl_watch_exists(void)
{
	return holder_of(CLASS_WATCH, ANY_MODE, 0) != 0;
}
