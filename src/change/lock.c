/*
 * lock.c
 *		One change at a time in the whole cluster, and the processes that watch over it.
 *
 * An advisory lock of the session.  Its tag contains no database, so it is the same
 * lock in every database.  The server releases it when the session ends, for whatever
 * reason.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/latch.h"
#include "storage/lock.h"
#include "storage/proc.h"
#include "storage/procarray.h"

#include "change/lock.h"

/* "castssl", and lock classes of our own besides the 1 and 2 that SQL functions use. */
#define LOCK_KEY 0x63617374
#define CLASS_CHANGE 3 /* exclusive: the session that changes something */
#define CLASS_WATCH 4  /* shared: processes that watch over an unconfirmed change */

static LOCKTAG
lock_tag(uint16 class)
{
	LOCKTAG tag;

	SET_LOCKTAG_ADVISORY(tag, InvalidOid, LOCK_KEY, 0, class);
	return tag;
}

/* Process IDs of the holders of the lock, palloc'd.  Returns their number. */
static int
find_holders(uint16 class, int **pids)
{
	LOCKTAG tag = lock_tag(class);
	LockData *locks = GetLockStatusData();
	int count = 0;

	*pids = palloc(Max(locks->nelements, 1) * sizeof(int));
	for (int i = 0; i < locks->nelements; i++)
	{
		LockInstanceData *lock = &locks->locks[i];

		if (memcmp(&lock->locktag, &tag, sizeof(LOCKTAG)) == 0 && lock->holdMask != 0)
			(*pids)[count++] = lock->pid;
	}
	return count;
}

bool
castssl_lock_try(void)
{
	LOCKTAG tag = lock_tag(CLASS_CHANGE);

	return LockAcquire(&tag, ExclusiveLock, true, true) != LOCKACQUIRE_NOT_AVAIL;
}

void
castssl_lock_acquire(void)
{
	int *pids;
	int count;

	if (castssl_lock_try())
		return;
	count = find_holders(CLASS_CHANGE, &pids);
	ereport(ERROR,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE), errmsg("another change of pg_castssl is running"),
			 count > 0 ? errdetail("Process %d holds the lock.", pids[0])
					   : errdetail("It has just ended."),
			 errhint("Call this again when it has ended: SELECT * FROM castssl_changes() "
					 "shows its state.")));
}

void
castssl_lock_release(void)
{
	LOCKTAG tag = lock_tag(CLASS_CHANGE);

	LockRelease(&tag, ExclusiveLock, true);
}

void
castssl_watch_begin(void)
{
	LOCKTAG tag = lock_tag(CLASS_WATCH);

	(void) LockAcquire(&tag, ShareLock, true, false);
}

void
castssl_watch_end(void)
{
	LOCKTAG tag = lock_tag(CLASS_WATCH);

	LockRelease(&tag, ShareLock, true);
}

int
castssl_watch_wake(void)
{
	int *pids;
	int count = find_holders(CLASS_WATCH, &pids);

	for (int i = 0; i < count; i++)
	{
		PGPROC *process = BackendPidGetProc(pids[i]);

		if (process)
			SetLatch(&process->procLatch);
	}
	return count;
}

bool
castssl_watch_exists(void)
{
	int *pids;

	return find_holders(CLASS_WATCH, &pids) > 0;
}
