/*
 * reload.h
 *		A reload that is known to have happened.
 */
#ifndef CASTSSL_SERVER_RELOAD_H
#define CASTSSL_SERVER_RELOAD_H

/*
 * Have the postmaster reload, and wait until this process got its own SIGHUP
 * and has read the new parameters: from then on the next new connection gets
 * what the postmaster could load.  Whether it could is for a probe to say.
 * Returns NULL, or what went wrong within timeout milliseconds (palloc'd):
 * also when a query cancel or termination request came in while interrupts are
 * held off; where they are not, it is an error.  Also in a background worker that
 * ignores SIGHUP.  55000 where there is no postmaster.
 */
extern char *castssl_reload(int timeout);

/*
 * The same after undoing: the postmaster must learn of it, so a query cancel does
 * not end the wait, where interrupts are held off.  A termination request does; the
 * postmaster has got its signal then.
 */
extern char *castssl_reload_undone(int timeout);

/* Whether the server has what is on the disk now. */
typedef enum CastsslLoaded
{
	CASTSSL_LOADED,
	CASTSSL_PERHAPS_LOADED, /* changed since this session began, and somebody has reloaded since */
	CASTSSL_NOT_LOADED
} CastsslLoaded;

/*
 * Was the file loaded after it, or a link on the way to it, last changed?  A server does
 * not tell which CAs, CRLs and rules it has loaded, so times decide.  For an absolute path
 * that is not resolved.  On Windows always: each connection reads these files anew.
 */
extern CastsslLoaded castssl_reload_covers(const char *path);

/* The same for a file of parameters, which no connection reads by itself. */
extern CastsslLoaded castssl_reload_covers_parameters(const char *path);

/* 55000 where there is no postmaster to reload: single-user mode. */
extern void castssl_reload_check_possible(void);

/*
 * Read the parameters anew in this process if a reload has happened (or always), which
 * else comes at the end of the statement.
 */
extern void castssl_reload_catch_up(bool always);

#endif
