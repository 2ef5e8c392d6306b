/*
 * lock.h
 *		One change at a time in the whole cluster, and the processes that watch over it.
 */
#ifndef CASTSSL_CHANGE_LOCK_H
#define CASTSSL_CHANGE_LOCK_H

/*
 * Take the lock for this session, at once or not at all: 55P03 with the process
 * that holds it; only who watches is waited for, which takes it for moments.
 * Readers never take it.  Nests.  Also on a standby.  It outlives an error:
 * whoever takes it releases it in PG_FINALLY.  55000 in single-user mode.
 */
extern void castssl_lock_acquire(void);

/* As above; false instead of an error. */
extern bool castssl_lock_try(void);

extern void castssl_lock_release(void);

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

/* Does any process watch? */
extern bool castssl_watch_exists(void);

#endif
