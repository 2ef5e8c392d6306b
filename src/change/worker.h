/*
 * worker.h
 *		The process that undoes a change that nobody confirms.
 */
#ifndef CASTSSL_CHANGE_WORKER_H
#define CASTSSL_CHANGE_WORKER_H

/*
 * See to it that a process watches over the change that is about to begin: it
 * undoes it at its deadline, when it is found interrupted, or when its transaction does
 * not commit.  Where none watches
 * yet, a dynamic background worker is started, and this returns when it does
 * watch; it needs no shared_preload_libraries and works on a standby.  Only for the
 * holder of the lock.  A worker that is terminated, or whose server restarts after
 * a crash of some process, comes back within seconds.  55000, and no worker is left,
 * where there is no free slot (max_worker_processes) or the worker does not come up.  If it
 * is not required, that is no error: then the next call that changes something does its work.
 */
extern void castssl_worker_start(int64 change_id, bool required);

/*
 * With shared_preload_libraries: register the worker that, at every start of the
 * server and after every crash of one of its processes, undoes what was
 * interrupted and watches over what is open.  It stays for as long as the server
 * runs.  Called from _PG_init.
 */
extern void castssl_worker_register(void);

/* Has it been?  So it is where the library is preloaded. */
extern bool castssl_worker_is_registered(void);

/*
 * Where the library is not preloaded, a changing castssl_* call does that work:
 * undo, with a WARNING, what was interrupted or is overdue, and start a worker
 * for what is unconfirmed and has none.  Does nothing while a change is running.
 * What fails is a WARNING, too.  From then on a change that this session leaves behind
 * when it is terminated is undone at its end, which does not wait for the reload.
 */
extern void castssl_worker_stand_in(void);

/*
 * What a reader does instead, which writes nothing, takes no lock and starts
 * nothing: a WARNING where a change waits and nobody will undo it, with the
 * statement that sees to it.
 */
extern void castssl_worker_tell(void);

#endif
