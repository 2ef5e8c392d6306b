/*
 * lock.h
 *		One change at a time in the whole cluster, and who watches over it.
 */
#ifndef CASTSSL_CHANGE_LOCK_H
#define CASTSSL_CHANGE_LOCK_H

/*
 * Take the lock for this session, at once or not at all: 55P03 with the process
 * that holds it.  Readers never take it.  Nests.  Also on a standby.  It outlives
 * an error: whoever takes it releases it in PG_FINALLY.
 */
extern void castssl_lock_acquire(void);

/* The same; false instead of an error. */
extern bool castssl_lock_try(void);

extern void castssl_lock_release(void);

/* This process watches over what is unconfirmed, for as long as it lives or until _end. */
extern void castssl_watch_begin(void);
extern void castssl_watch_end(void);

/* Set the latches of all who watch; returns how many there are. */
extern int castssl_watch_wake(void);

/* Is there anybody who watches? */
extern bool castssl_watch_exists(void);

#endif
