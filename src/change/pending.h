/*
 * pending.h
 *		What the running transaction does to changes.
 *
 * It takes effect only if the transaction commits.  The list lives until the transaction ends.
 * Adding to it keeps the lock of changes until then, so no other session can make a change in
 * between.
 */
#ifndef CASTSSL_CHANGE_PENDING_H
#define CASTSSL_CHANGE_PENDING_H

#include "nodes/pg_list.h"

typedef enum CastsslPendingKind
{
	CASTSSL_PENDING_KEEP,    /* keep the change; time: milliseconds to confirm it; 0: not needed */
	CASTSSL_PENDING_CONFIRM, /* confirm it */
	CASTSSL_PENDING_POSTPONE /* time: its new deadline */
} CastsslPendingKind;

typedef struct CastsslPending
{
	CastsslPendingKind kind;
	int64 change_id;
	int64 time;      /* see kind */
	int level;       /* nesting level of its subtransaction */
	bool aborted;    /* that subtransaction was rolled back */
	char *user_name; /* the role that called; NULL: none, in a background worker of castssl */
	char *line;      /* for the server's log after the commit; NULL: none */
} CastsslPending;

/*
 * Add an item for a change that is in effect or unconfirmed: from now on it belongs to this
 * transaction. time: see CastsslPendingKind.  Call it only with the lock held.
 */
extern void castssl_pending_add(CastsslPendingKind kind, int64 change_id, int64 time);

/* All items (CastsslPending), oldest first, including those that were rolled back. */
extern List *castssl_pending_list(void);

/* Did this transaction make the change, without rolling it back? */
extern bool castssl_pending_is_own(int64 change_id);

/*
 * Did this transaction confirm or postpone the change, without rolling that back?  Then the change
 * does not expire before the transaction ends.
 */
extern bool castssl_pending_decides(int64 change_id);

/*
 * For the callbacks at the end of the subtransaction at that nesting level, and at the end of the
 * transaction.  They raise no error.
 */
extern void castssl_pending_end_level(int level, bool committed);
extern void castssl_pending_forget(void);

#endif
