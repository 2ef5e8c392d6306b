/*
 * reload.h
 *		A reload that is known to have happened.
 */
#ifndef CASTSSL_SERVER_RELOAD_H
#define CASTSSL_SERVER_RELOAD_H

/*
 * Have the postmaster reload, and wait until this process has received its own SIGHUP and read
 * the new parameters: from then on the next new connection gets what the postmaster could load.
 * Only a probe shows whether it could load it.
 *
 * Returns NULL, or what went wrong within timeout milliseconds (palloc'd).  A query cancel or
 * termination request counts as a problem while interrupts are held off, and is an error
 * otherwise.  Works in a background worker that ignores SIGHUP, too. 55000 if there is no
 * postmaster.
 */
extern char *castssl_reload(int timeout);

/*
 * The same after undoing: the postmaster must learn of it, so a query cancel does not end the
 * wait while interrupts are held off.  A termination request does, but the postmaster has its
 * signal by then.
 */
extern char *castssl_reload_undone(int timeout);

/* Has the server loaded what is on disk now? */
typedef enum CastsslLoaded
{
	CASTSSL_LOADED,
	CASTSSL_PERHAPS_LOADED, /* changed since this session began, and somebody has reloaded since */
	CASTSSL_NOT_LOADED
} CastsslLoaded;

/*
 * Has the server loaded the file since the file, or a symbolic link on its path, last changed?
 * The server does not tell which CAs, CRLs and rules it has loaded, so this compares times. path
 * is absolute and not resolved.  On Windows the answer is always yes: each connection reads these
 * files anew.
 */
extern CastsslLoaded castssl_reload_covers(const char *path);

/* The same for a file of parameters, which no connection reads by itself. */
extern CastsslLoaded castssl_reload_covers_parameters(const char *path);

/* 55000 if there is no postmaster to reload: single-user mode. */
extern void castssl_reload_check_possible(void);

/*
 * Reread the parameters in this process now if a reload has happened; with always, in any case.
 * Without this call it would reread them at the end of the statement.
 */
extern void castssl_reload_catch_up(bool always);

#endif
