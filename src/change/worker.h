/*
 * worker.h
 *		The process that undoes a change that nobody confirms.
 */
#ifndef CASTSSL_CHANGE_WORKER_H
#define CASTSSL_CHANGE_WORKER_H

/*
 * Make sure that a process watches over the change that is about to begin.  That process undoes
 * the change at its deadline, if it was interrupted, or if its transaction does not commit.  If
 * none watches yet, starts a dynamic background worker, and returns when that watches.  This
 * needs no shared_preload_libraries and works on a standby.  Call it only with the lock held.
 *
 * A worker that is terminated, or whose server restarts after the crash of a process, comes back
 * within seconds.  55000 if there is no free slot (max_worker_processes) or the worker does not
 * start; then no worker is left.  If required is false, this is not an error, and the result is
 * false: then the next call that changes something does the worker's work.
 */
extern bool castssl_worker_start(int64 change_id, bool required);

/* Does a process watch already, or is there a free slot for a worker? */
extern bool castssl_worker_can_watch(void);

/* Raise 55000: the call requires a worker, and there is no free slot. */
extern void castssl_worker_raise_no_slot(void);

/*
 * With shared_preload_libraries: register the worker that runs as long as the server.  At
 * every start of the server, and after every crash of a process, it undoes changes that were
 * interrupted, and it watches over open ones.  Called from _PG_init.
 */
extern void castssl_worker_register(void);

/* Was castssl_worker_register called, because the library is preloaded? */
extern bool castssl_worker_is_registered(void);

/*
 * For castssl_* calls that may write: undo, with a WARNING, what was interrupted or
 * is overdue, and start a worker for an unconfirmed change that has none.  So a server without
 * the preloaded library recovers too.  Does nothing while a change is running.  A failure is
 * also a WARNING.  From then on, a session that is terminated during a change undoes the change
 * at its end, without waiting for the reload.
 */
extern void castssl_worker_stand_in(void);

/*
 * For a castssl_* call that only reads: a WARNING if a change waits and no process will undo it,
 * with the statement that starts one, or that ends the change where it is left alone.  Writes
 * nothing, takes no lock and starts no process.
 */
extern void castssl_worker_tell(void);

#endif
