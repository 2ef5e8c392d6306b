/*
 * prune.h
 *		Removes what the journal no longer needs.
 */
#ifndef CASTSSL_CHANGE_PRUNE_H
#define CASTSSL_CHANGE_PRUNE_H

/*
 * Call when a change has ended: wakes the processes that watch, and removes what is no
 * longer needed.  A failure is a WARNING; the next change tries again.  Only for the
 * holder of the lock.
 *
 * Removed are:
 * - the oldest changes that can be rolled back, beyond castssl.keep_changes, and
 *   the oldest undone ones, beyond the same number; never an open change
 * - the before-images, private keys among them, of changes that were undone
 * - what an interrupted castssl_journal_begin or preflight left
 *
 * The directory of the newest id stays, even if it is empty, so that no id is used
 * twice.
 */
extern void castssl_clear_up(void);

/* Remove the directory of a change that never got a manifest. */
extern void castssl_journal_abandon(int64 id);

/* Is there anything that an interrupted or running preflight or castssl_journal_begin left? */
extern bool castssl_leftovers_exist(void);

#endif
