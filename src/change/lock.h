/*
 * lock.h
 *		One change at a time in the whole cluster, and the processes that watch over it.
 */
#ifndef CASTSSL_CHANGE_LOCK_H
#define CASTSSL_CHANGE_LOCK_H

/*
 * Take the lock for this session, to change something; a session can take it several times.  If
 * another process holds it, waits for lock_timeout (at least 200 ms), then raises 55P03 with that
 * process.  Waits longer for a process that undoes a change.
 * Readers never take it.  Works on a standby; 55000 in single-user mode.
 *
 * An error does not release the lock: the caller must release it in PG_FINALLY.
 */
extern void castssl_lock_acquire(void);

extern void castssl_lock_release(void);

/* Wait in the same way until no other process changes or undoes something; takes no lock. */
extern void castssl_lock_wait(void);

/*
 * Take the lock without waiting, to undo something; false if another process changes or undoes
 * something.  A transaction that has staged something is no reason: it may stay open for long.
 */
extern bool castssl_lock_try_to_undo(void);
extern void castssl_lock_release_to_undo(void);

/* Wait for that lock as castssl_lock_acquire() does, to decide whether a change is undone. */
extern void castssl_lock_acquire_to_undo(void);

/* Does this process hold it? */
extern bool castssl_lock_is_ours(void);

/*
 * Keep the lock, which this session must hold, until the transaction ends or the current
 * subtransaction is rolled back.
 */
extern void castssl_lock_keep(void);

/* The same for a lock that was taken to undo something. */
extern void castssl_lock_keep_to_undo(void);

/*
 * In the same way, keep others from changing or staging something, because this transaction has
 * staged something.  Changes can still be undone and confirmed.
 */
extern void castssl_lock_keep_staged(void);

/* Has this transaction called castssl_lock_keep_staged()? */
extern bool castssl_lock_has_staged(void);

/* Does any process change or undo something?  Takes no lock. */
extern bool castssl_lock_is_held(void);

/*
 * Let this process watch over open changes until it ends or calls castssl_watch_end; false if
 * another one watches.  A process that makes a change relies on the one that watches, and holds
 * the lock.  So call castssl_watch_end only with the lock held.
 */
extern bool castssl_watch_begin(void);
extern void castssl_watch_end(void);

/* Set the latch of the process that watches, because a change begins or has ended. */
extern void castssl_watch_wake(void);

/* Set the latch of the process that castssl_watch_wake found last.  Raises no error. */
extern void castssl_watch_wake_again(void);

/* Does any process watch? */
extern bool castssl_watch_exists(void);

#endif
