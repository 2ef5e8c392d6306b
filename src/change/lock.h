/*
 * lock.h
 *		One change at a time in the whole cluster, and the processes that watch over it.
 */
#ifndef CASTSSL_CHANGE_LOCK_H
#define CASTSSL_CHANGE_LOCK_H

/*
 * Take the lock for this session without waiting: 55P03, which names the process that
 * holds it.  Readers never take it.  Nests.  Works on a standby, too.  An error does not
 * release it, so the caller releases it in PG_FINALLY.
 */
extern void castssl_lock_acquire(void);

/* As above; false instead of an error. */
extern bool castssl_lock_try(void);

extern void castssl_lock_release(void);

/* This process watches over unconfirmed changes, until it ends or calls _end. */
extern void castssl_watch_begin(void);
extern void castssl_watch_end(void);

/* Set the latches of all watching processes.  Returns their number. */
extern int castssl_watch_wake(void);

/* Does any process watch? */
extern bool castssl_watch_exists(void);

#endif
