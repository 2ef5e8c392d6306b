/*
 * prune.h
 *		What of the journal may go.
 */
#ifndef CASTSSL_CHANGE_PRUNE_H
#define CASTSSL_CHANGE_PRUNE_H

/*
 * After a change has ended: wake those who watch, and remove what is of no more
 * use.  What fails is a WARNING; the next change tries again.  Only for the
 * holder of the lock.
 * - The oldest changes that can be rolled back, beyond castssl.keep_changes, and
 *   the oldest undone ones, beyond as many.  Never an open one.
 * - The before-images, private keys among them, of changes that were undone.
 * - What an interrupted castssl_journal_begin or preflight left.
 * The directory of the newest id stays, be it empty, so that no id comes twice.
 */
extern void castssl_clear_up(void);

/* Remove the directory of a change that never came to have a manifest. */
extern void castssl_journal_abandon(int64 id);

/*
 * Is there something that an interrupted preflight or castssl_journal_begin, or
 * one under way, has left?
 */
extern bool castssl_leftovers_exist(void);

#endif
