/*
 * caller.h
 *		Who called.
 *
 * Our functions do their work as their owner, so that GetUserId() is of no use
 * while they run.  src/api/entry.c takes it once, when a call comes in; every
 * question about privileges asks here.
 */
#ifndef CASTSSL_SERVER_CALLER_H
#define CASTSSL_SERVER_CALLER_H

/* Take note of who calls; the one before, to be given back at the end of the call. */
extern Oid castssl_caller_set(Oid role);

/* The role that called; InvalidOid where nobody did, in a worker of our own. */
extern Oid castssl_caller(void);

/* Is the caller a superuser?  False where nobody called. */
extern bool castssl_caller_is_superuser(void);

/* The caller's name, palloc'd; NULL where nobody called. */
extern const char *castssl_caller_name(void);

#endif
