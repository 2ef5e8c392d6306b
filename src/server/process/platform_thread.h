/*
 * platform_thread.h
 *		Runs functions that may block, in a thread of their own.
 */
#ifndef CASTSSL_SERVER_PROCESS_PLATFORM_THREAD_H
#define CASTSSL_SERVER_PROCESS_PLATFORM_THREAD_H

/*
 * Call body(arg) in a thread, because it may block (a name lookup), and wait for its end for at
 * most timeout milliseconds.  Processes barriers meanwhile.  A cancel ends the wait: it is an
 * error, or returns false while interrupts are held off.
 *
 * True: body has ended.  False, or an error: body continues, arg no longer belongs to the caller,
 * and release(arg) is called when body ends.  Neither may use anything of the server, not even
 * palloc.  Windows has no such thread: there body runs in this process without a limit.
 */
extern bool castssl_platform_run_aside(void (*body)(void *arg), void (*release)(void *arg),
									   void *arg, int timeout);

#endif
