/*
 * wait.h
 *		Waits that nobody else has to wait for.
 *
 * Other processes wait until each process has answered their barrier (DROP
 * DATABASE, on 15 and later), also while interrupts are held off here.
 */
#ifndef CASTSSL_SERVER_PROCESS_WAIT_H
#define CASTSSL_SERVER_PROCESS_WAIT_H

#include "storage/latch.h"

/*
 * Wait for WL_SOCKET_* events of the socket (events 0, PGINVALID_SOCKET: none),
 * this process's latch, or timeout milliseconds (-1: for ever).  Returns the
 * events.  Then barriers are answered, and, where interrupts are not held off, a
 * cancel or termination request is an error.  The caller looks for what it waits
 * for after each return, and calls castssl_wait_end when it waits no more.
 */
extern int castssl_wait(int events, pgsocket socket, long timeout);

/* Whoever else waits on the latch finds what it waits for by looking. */
extern void castssl_wait_end(void);

/* Wait that long, whatever comes. */
extern void castssl_sleep(long milliseconds);

/*
 * Is a termination waiting to be served, or does this process end already?  Where interrupts
 * are not held off, it is served at once.
 */
extern bool castssl_is_terminated(void);

/* The same of a query cancel or statement_timeout, too. */
extern bool castssl_is_canceled(void);

/* CHECK_FOR_INTERRUPTS() as a function, for castssl_interrupted (base/interrupts.h). */
extern void castssl_check_for_interrupts(void);

#endif
