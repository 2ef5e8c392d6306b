/*
 * reload.h
 *		A reload that is known to have happened.
 */
#ifndef CASTSSL_SERVER_RELOAD_H
#define CASTSSL_SERVER_RELOAD_H

/*
 * Make the postmaster reload.  Wait until this process got its own SIGHUP and has read
 * the new parameters.  From then on, each new connection gets what the postmaster could
 * load; only a probe can show whether it could.  Returns NULL, or what went wrong within
 * timeout milliseconds (palloc'd), which includes a query cancel or termination
 * request.  Interrupts may be held off.
 */
extern char *castssl_reload(int timeout);

/*
 * As above after undoing.  The postmaster must learn of it, so a query cancel does not
 * end the wait.  A termination request does, but the postmaster has got its signal then.
 */
extern char *castssl_reload_undone(int timeout);

/* Is a query cancel, statement_timeout or termination request pending? */
extern bool castssl_is_canceled(void);

#endif
