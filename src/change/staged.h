/*
 * staged.h
 *		The manifest of what is staged, as the running transaction sees it.
 *
 * A manifest has the id of the transaction that wrote it.  Names that begin with p_ hold the
 * earlier manifest, which counts again if that transaction does not commit.  It may hold an
 * earlier one itself: there is one for each savepoint.
 *
 * PostgreSQL forgets in time which transactions have committed.  So an empty file committed-<id>
 * marks one that has.  Edits may stay staged for long, and those that were rolled back must not
 * come back.
 */
#ifndef CASTSSL_CHANGE_STAGED_H
#define CASTSSL_CHANGE_STAGED_H

#include "lib/stringinfo.h"
#include "utils/guc.h"

#define CASTSSL_STAGED_DISCARD                                                                     \
	"Discard the staged edits, and stage them again: SELECT castssl_hba_discard();"

/* pg_castssl/staged/name */
extern char *castssl_staged_path(const char *name);

/* Is there a manifest?  It may be damaged, or not count. */
extern bool castssl_staged_exists(void);

/* Begin a manifest, which counts only on this server. */
extern void castssl_staged_begin(StringInfo manifest);

/* The manifest that counts now; NULL if nothing is staged.  F0000 if it is damaged. */
extern ConfigVariable *castssl_staged_read(void);

/* The manifest that counts if the running transaction is rolled back.  F0000 if it is damaged. */
extern ConfigVariable *castssl_staged_read_without_transaction(void);

/*
 * Append the id of the (sub)transaction that stages, and the manifest that counts if it does not
 * commit.  Keeps others from staging until the transaction ends.
 */
extern void castssl_staged_append_past(StringInfo manifest, uint64 transaction);

/*
 * This transaction is about to commit, and has ended: mark what it has staged as committed, for
 * the time when PostgreSQL has forgotten it.  The second raises no error.
 */
extern void castssl_staged_before_commit(void);
extern void castssl_staged_end(bool committed);

/*
 * Take the transaction out of a manifest if it has committed, so that no mark is needed.  Call it
 * with the lock held.  One that is damaged stays as it is.
 */
extern void castssl_staged_settle(void);

/*
 * Move the staged edits that a change has taken back from the folder kept.  If others are staged
 * since, those stay; if their transaction is still open, the ones in kept count if it is rolled
 * back.  What is damaged stays in kept.  Call it with the lock held.
 */
extern void castssl_staged_give_back(const char *kept);

/* Does the manifest, or an earlier one in it, name the copy with that hash? */
extern bool castssl_staged_names(const ConfigVariable *manifest, const char *hash);

/* Remove the copies that old names and that the manifest in place does not name any more. */
extern void castssl_staged_remove_copies(const ConfigVariable *old);

/*
 * The manifest in place, with the earlier ones in it; NULL if there is none, or another server
 * wrote it.
 */
extern ConfigVariable *castssl_staged_read_whole(void);

/*
 * Discard what is staged, even if it is damaged; false if nothing was staged.  In a transaction
 * block this counts when the block commits.
 */
extern bool castssl_staged_discard(void);

#endif
