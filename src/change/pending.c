/*
 * pending.c
 *		What the running transaction does to changes.
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"

#include "change/lock.h"
#include "change/pending.h"
#include "server/process/caller.h"

static List *pending; /* CastsslPending, in TopMemoryContext */

void
castssl_pending_add(CastsslPendingKind kind, int64 change_id, int64 time)
{
	MemoryContext context = MemoryContextSwitchTo(TopMemoryContext);
	CastsslPending *item = palloc0(sizeof(CastsslPending));
	const char *user_name = castssl_caller_name();

	item->kind = kind;
	item->change_id = change_id;
	item->time = time;
	item->level = GetCurrentTransactionNestLevel();
	item->user_name = user_name ? pstrdup(user_name) : NULL;
	pending = lappend(pending, item);
	MemoryContextSwitchTo(context);
	if (kind == CASTSSL_PENDING_KEEP)
		castssl_lock_keep();
	else
		castssl_lock_keep_to_undo();
	castssl_watch_wake(); /* so that castssl_watch_wake_again() knows the process at the end */
}

List *
castssl_pending_list(void)
{
	return pending;
}

/* Is there an item for the change, of the kind that keeps it or of another, not rolled back? */
static bool
has_item(int64 change_id, bool keeps)
{
	ListCell *cell;

	foreach (cell, pending)
	{
		const CastsslPending *item = lfirst(cell);

		if ((item->kind == CASTSSL_PENDING_KEEP) == keeps && item->change_id == change_id &&
			!item->aborted)
			return true;
	}
	return false;
}

bool
castssl_pending_is_own(int64 change_id)
{
	return has_item(change_id, true);
}

bool
castssl_pending_decides(int64 change_id)
{
	return has_item(change_id, false);
}

void
castssl_pending_end_level(int level, bool committed)
{
	ListCell *cell;

	foreach (cell, pending)
	{
		CastsslPending *item = lfirst(cell);

		if (item->level < level)
			continue;
		if (committed)
			item->level = level - 1;
		else
			item->aborted = true;
	}
}

void
castssl_pending_forget(void)
{
	ListCell *cell;

	foreach (cell, pending)
	{
		CastsslPending *item = lfirst(cell);

		if (item->user_name)
			pfree(item->user_name);
		if (item->line)
			pfree(item->line);
	}
	list_free_deep(pending);
	pending = NIL;
}
