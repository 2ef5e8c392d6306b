/*
 * worker.h
 *		The process that undoes what nobody confirms.
 */
#ifndef CASTSSL_CHANGE_WORKER_H
#define CASTSSL_CHANGE_WORKER_H

/*
 * Start a dynamic background worker that undoes the change at its deadline, or
 * when it is found interrupted; it needs no shared_preload_libraries and works on
 * a standby.  It may be started before the change is in the journal, by the
 * holder of the lock.  A worker that is terminated, or whose server restarts
 * after a crash of some process, comes back within seconds.  55000 when there is
 * no free slot (max_worker_processes).
 */
extern void castssl_worker_start(int64 change_id);

/*
 * With shared_preload_libraries: register the worker that, at every start of the
 * server and after every crash of one of its processes, undoes what was
 * interrupted and watches over what is unconfirmed.  It stays for as long as the
 * server runs.  Called from _PG_init.
 */
extern void castssl_worker_register(void);

/*
 * Where the library is not preloaded, the first castssl_* call does that work:
 * undo, with a WARNING, what was interrupted or is overdue, and start a worker
 * for what is unconfirmed and has none.  Does nothing while a change is running.
 * What fails is a WARNING, too, for readers call this.
 */
extern void castssl_worker_stand_in(void);

#endif
