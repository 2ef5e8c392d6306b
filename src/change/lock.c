/*
 * lock.c
 *		One change at a time in the whole cluster, and the processes that watch over it.
 *
 * An advisory lock of the session.  Its tag contains no database, so it is the same
 * lock in every database.  The server releases it when the session ends, for whatever
 * reason.
 */
#include "postgres.h"

#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"

#include "base/settings.h"
#include "change/lock.h"
#include "server/process/call.h"
#include "server/process/wait.h"
#include "server/reload.h"

/*
 * For at most that many milliseconds is waited for who watches: it may be undoing a change,
 * reload and all.
 */
#define WATCHER_PATIENCE Max(10000, 2 * castssl_verify_timeout)
/* And for anybody else: who watched a moment ago may be just about to end. */
#define PATIENCE 200
#define WATCHER_PAUSE 10

/* "castssl", and lock classes of our own besides the 1 and 2 that SQL functions use. */
#define LOCK_KEY 0x63617374
#define CLASS_CHANGE 3 /* exclusive: who changes something */
#define CLASS_WATCH 4  /* exclusive: who watches over what is open */

static int taken; /* how often this session has taken CLASS_CHANGE */

static LOCKTAG
lock_tag(uint16 class)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, LOCK_KEY, 0, class);
	return tag;
}

/* The process that holds the lock; 0: nobody does. */
static int
holder_of(uint16 class)
{
	LOCKTAG tag = lock_tag(class);
	LockData *locks = GetLockStatusData();

	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];

		if (memcmp(&lock->locktag, &tag, sizeof(LOCKTAG)) == 0 && lock->holdMask != 0)
			return lock->pid;
	}
	return 0;
}

static bool
is_free(void)
{
	return holder_of(CLASS_CHANGE) == 0;
}

bool
castssl_lock_try(void)
{
	LOCKTAG tag = lock_tag(CLASS_CHANGE);

	if (LockAcquire(&tag, ExclusiveLock, true, true) == LOCKACQUIRE_NOT_AVAIL)
		return false;
	taken++;
	return true;
}

bool
castssl_lock_is_ours(void)
{
	return taken > 0;
}

bool
castssl_lock_is_held(void)
{
	return !is_free();
}

/*
 * Wait until try() holds, for as long as lock_timeout says; 0 means for a moment.  Who
 * watches takes the lock to undo something only, and is always waited for.
 */
static void
wait_for_lock(bool (*try)(void))
{
	castssl_reload_check_possible();
	for (int waited = 0; !try(); waited += WATCHER_PAUSE)
	{
		int holder = holder_of(CLASS_CHANGE);
		bool watches = holder == 0 || holder == holder_of(CLASS_WATCH);

		if (waited >= Max(LockTimeout, watches ? WATCHER_PATIENCE : PATIENCE))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("another change of pg_castssl is running"),
					 holder != 0 ? errdetail("Process %d holds the lock.", holder)
								 : errdetail("It has just ended."),
					 errhint("Call this again when it has ended: SELECT * FROM castssl_changes() "
							 "shows its state. Or let it wait: SET lock_timeout = '1min'.")));
		castssl_sleep(WATCHER_PAUSE);
		castssl_call_forget(); /* what this call has read, the other one may have changed */
	}
}

void
castssl_lock_acquire(void)
{
	wait_for_lock(castssl_lock_try);
}

void
castssl_lock_wait(void)
{
	wait_for_lock(is_free);
}

void
castssl_lock_release(void)
{
	LOCKTAG tag = lock_tag(CLASS_CHANGE);

	taken--;
	LockRelease(&tag, ExclusiveLock, true);
}

void
castssl_lock_keep(void)
{
	LOCKTAG tag = lock_tag(CLASS_CHANGE);

	(void) LockAcquire(&tag, ExclusiveLock, false, true);
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

/* Who watched when that was looked up last.  The latch is in shared memory for good. */
static PGPROC *watcher;

void
castssl_watch_wake(void)
{
	watcher = BackendPidGetProc(holder_of(CLASS_WATCH));
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
	return holder_of(CLASS_WATCH) != 0;
}
