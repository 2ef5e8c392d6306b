/*
 * lock.h
 *		One change at a time in the whole cluster, and the processes that watch over it.
 */
#ifndef CASTSSL_CHANGE_LOCK_H
#define CASTSSL_CHANGE_LOCK_H

/*
 * Take the lock for this session.  Waits for it as long as lock_timeout says, by default
 * not at all, and then raises 55P03 with the process that holds it.  Who watches takes
 * it for moments, and is waited for.  Readers never take it.  Nests.  Also on a standby.  It
 * outlives an error: whoever takes it releases it in PG_FINALLY.  55000 in single-user mode.
 */
extern void castssl_lock_acquire(void);

/* Wait in the same way until nobody holds it, and do not take it. */
extern void castssl_lock_wait(void);

/* Take it at once; false if that cannot be. */
extern bool castssl_lock_try(void);

extern void castssl_lock_release(void);

/* Does this process hold it? */
extern bool castssl_lock_is_ours(void);

/* Keep the lock, which this session holds, until the (sub)transaction ends. */
extern void castssl_lock_keep(void);

/* Does any process hold it?  Takes no lock. */
extern bool castssl_lock_is_held(void);

/*
 * This process watches over what is open, for as long as it lives or until _end;
 * false where another one does.  Who counts on it holds the lock: end only with
 * the lock held.
 */
extern bool castssl_watch_begin(void);
extern void castssl_watch_end(void);

/* Set the latch of who watches: a change begins or has ended. */
extern void castssl_watch_wake(void);

/* The same for the process that castssl_watch_wake has found last.  Cannot fail. */
extern void castssl_watch_wake_again(void);

/* Does any process watch? */
extern bool castssl_watch_exists(void);

#endif
