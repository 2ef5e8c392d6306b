/*
 * pending.h
 *		What this transaction does to changes, and that counts only when it commits.
 *
 * The list lives until the transaction ends.  Adding to it keeps the lock of changes
 * until then, so no other session changes anything meanwhile.
 */
#ifndef CASTSSL_CHANGE_PENDING_H
#define CASTSSL_CHANGE_PENDING_H

#include "nodes/pg_list.h"

typedef enum CastsslPendingKind
{
	CASTSSL_PENDING_KEEP,    /* keep the change; time: milliseconds to confirm it in, 0: no need */
	CASTSSL_PENDING_CONFIRM, /* confirm it */
	CASTSSL_PENDING_POSTPONE /* time: its new deadline */
} CastsslPendingKind;

typedef struct CastsslPending
{
	CastsslPendingKind kind;
	int64 change_id;
	int64 time;      /* see kind */
	int level;       /* nesting level of the subtransaction to which it belongs */
	bool aborted;    /* that subtransaction was rolled back */
	char *user_name; /* who called; NULL: nobody, in a worker of ours */
	char *line;      /* for the server's log, when it has committed; NULL: none */
} CastsslPending;

/*
 * From now on the change (which is in effect, or waits) belongs to this transaction.
 * Only for the holder of the lock.
 */
extern void castssl_pending_add(CastsslPendingKind kind, int64 change_id, int64 time);

/* All of them, oldest first (CastsslPending), those that were rolled back as well. */
extern List *castssl_pending_list(void);

/* Is it a change that this transaction made, and has not rolled back? */
extern bool castssl_pending_is_own(int64 change_id);

/*
 * Did this transaction confirm or postpone it, and has not rolled that back?  Then it does not
 * expire meanwhile.
 */
extern bool castssl_pending_decides(int64 change_id);

/*
 * For the callbacks of the transaction: its subtransaction at that nesting level has ended,
 * or itself.  They cannot fail.
 */
extern void castssl_pending_end_level(int level, bool committed);
extern void castssl_pending_forget(void);

#endif
