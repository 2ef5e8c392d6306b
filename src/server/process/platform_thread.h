/*
 * platform_thread.h
 *		What may block, beside the process.
 */
#ifndef CASTSSL_SERVER_PROCESS_PLATFORM_THREAD_H
#define CASTSSL_SERVER_PROCESS_PLATFORM_THREAD_H

/*
 * Call body(arg) where it may block (a name lookup), and wait for its end, at most
 * timeout milliseconds or, with interrupts held off, until a cancel comes in; where
 * they are not, that is an error.  Barriers are answered meanwhile.  True: it has
 * ended.  False, or an error: it goes on by itself, arg is no longer the caller's,
 * and release(arg) is called when it ends.  It may use nothing of the server, not
 * even palloc.
 */
extern bool castssl_platform_run_aside(void (*body)(void *arg), void (*release)(void *arg),
									   void *arg, int timeout);

#endif
