/*
 * worker.h
 *		The process that undoes a change that nobody confirms.
 */
#ifndef CASTSSL_CHANGE_WORKER_H
#define CASTSSL_CHANGE_WORKER_H

/*
 * Start a dynamic background worker that undoes the change at its deadline, or if the
 * change was interrupted.  The worker needs no shared_preload_libraries and works on a
 * standby.  The holder of the lock may start it before the change is in the journal.  If
 * it is terminated, or if the server restarts after a process crashed, the worker starts
 * again within seconds. 55000 if there is no free slot (max_worker_processes).
 */
extern void castssl_worker_start(int64 change_id);

/*
 * With shared_preload_libraries: register the worker that undoes what was interrupted,
 * and watches over unconfirmed changes, at every start of the server and after every
 * crash of a server process.  It runs as long as the server runs.  Called from _PG_init.
 */
extern void castssl_worker_register(void);

/*
 * If the library is not preloaded, the first castssl_* call does that work: it undoes,
 * with a WARNING, what was interrupted or is overdue, and starts a worker for an
 * unconfirmed change without one.  Does nothing while a change is running.  A failure is
 * a WARNING, too, because functions that only read call this.
 */
extern void castssl_worker_stand_in(void);

#endif
