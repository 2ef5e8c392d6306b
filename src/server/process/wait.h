/*
 * wait.h
 *		Waits that do not block other processes.
 *
 * Other processes wait until each process has answered their barrier (DROP DATABASE, on 15 and
 * later), also while interrupts are held off here.
 */
#ifndef CASTSSL_SERVER_PROCESS_WAIT_H
#define CASTSSL_SERVER_PROCESS_WAIT_H

#include "storage/latch.h"

/*
 * Wait for WL_SOCKET_* events of the socket (events 0, PGINVALID_SOCKET: none), this process's
 * latch, or timeout milliseconds (-1: no limit).  Returns the events.  Processes barriers before
 * it returns.  Unless interrupts are held off, a cancel or termination request is an error.  The
 * caller checks its condition after each return, and calls castssl_wait_end when it has finished
 * waiting.
 */
extern int castssl_wait(int events, pgsocket socket, long timeout);

/* Set the latch again, so that other code that waits on it checks its own condition. */
extern void castssl_wait_end(void);

/* Sleep for that long, even if the latch is set. */
extern void castssl_sleep(long milliseconds);

/*
 * Is a termination request pending, or is this process ending already?  Unless interrupts are
 * held off, a pending request ends the process at once.
 */
extern bool castssl_is_terminated(void);

/* The same, or is a query cancel (also by statement_timeout) pending? */
extern bool castssl_is_canceled(void);

/* CHECK_FOR_INTERRUPTS() as a function, for castssl_interrupted (base/interrupts.h). */
extern void castssl_check_for_interrupts(void);

#endif
