/*
 * prune.h
 *		Removes what the journal no longer needs.
 */
#ifndef CASTSSL_CHANGE_PRUNE_H
#define CASTSSL_CHANGE_PRUNE_H

/*
 * Remove what the journal no longer needs, when a change has ended.  A failure is a WARNING;
 * the next change tries again.  Call it only with the lock held.
 *
 * It removes:
 * - the oldest changes that can be rolled back, beyond castssl.keep_changes, and
 *   the oldest undone ones, beyond the same number; never an open or damaged change
 * - the before-images, private keys among them, of changes that were undone
 * - the copies of what changes wrote (next/, after-<n>), once they are no longer open
 * - what an interrupted castssl_journal_begin or preflight left
 *
 * The directory of the newest id stays, even if it is empty, so that no id is used
 * twice.
 */
extern void castssl_clear_up(void);

/* Remove the directory of a change that never got a manifest. */
extern void castssl_journal_abandon(int64 id);

/* Is there anything for castssl_clear_up that an interrupted or running call left? */
extern bool castssl_leftovers_exist(void);

#endif
