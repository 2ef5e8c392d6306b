/*
 * caller.h
 *		The role that called.
 *
 * Our functions do their work as their owner, so GetUserId() does not return the
 * caller while they run. src/api/entry.c stores the caller once, when a call comes
 * in.  Every check of privileges asks here.
 */
#ifndef CASTSSL_SERVER_PROCESS_CALLER_H
#define CASTSSL_SERVER_PROCESS_CALLER_H

/* Store the caller.  Returns the previous one, to be restored at the end of the call. */
extern Oid castssl_caller_set(Oid role);

/* The role that called; InvalidOid if there is none, in one of our workers. */
extern Oid castssl_caller(void);

/* Is the caller a superuser?  False if there is no caller. */
extern bool castssl_caller_is_superuser(void);

/*
 * May the caller see every column of all sessions in pg_stat_activity, as superusers and members
 * of pg_read_all_stats may?
 */
extern bool castssl_caller_may_see_sessions(void);

/* The caller's name, palloc'd; NULL if there is no caller. */
extern const char *castssl_caller_name(void);

#endif
