/*
 * staged.h
 *		The manifest of what is staged, as the running transaction sees it.
 *
 * A manifest has the id of the transaction that wrote it, and under names that begin with
 * p_ what counted before, which counts again if that transaction does not commit.  That part
 * may have such a part itself, one for each savepoint.
 */
#ifndef CASTSSL_FLOW_RECIPE_STAGED_H
#define CASTSSL_FLOW_RECIPE_STAGED_H

#include "lib/stringinfo.h"
#include "utils/guc.h"

#define CASTSSL_STAGED_DISCARD                                                                     \
	"Forget them, and stage the edits again: SELECT castssl_hba_discard()."

/* pg_castssl/staged/name */
extern char *castssl_staged_path(const char *name);

/* Is there a manifest?  It need not count, and may be damaged. */
extern bool castssl_staged_exists(void);

/* What counts now; NULL if nothing is staged.  F0000 for a damaged one. */
extern ConfigVariable *castssl_staged_read(void);

/*
 * Append the id of this transaction, and what counts if it does not commit.  Keeps the lock
 * until it ends.
 */
extern void castssl_staged_append_past(StringInfo manifest);

/* Does a whole manifest, with its past, name the copy of that hash? */
extern bool castssl_staged_names(const ConfigVariable *manifest, const char *hash);

/* Remove the copies that the manifest in place names nowhere, but did when it was still old. */
extern void castssl_staged_remove_copies(const ConfigVariable *old);

/* The whole manifest, as it lies there; NULL if there is none. */
extern ConfigVariable *castssl_staged_read_whole(void);

#endif
