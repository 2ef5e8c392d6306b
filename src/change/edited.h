/*
 * edited.h
 *		Edits of pg_hba.conf that were made by hand while a change waited: undoing it keeps them.
 *
 * A rule that somebody has added meanwhile may keep somebody out.  So what is put back is what was
 * before the change, with the lines that were added since and without those that were removed.
 */
#ifndef CASTSSL_CHANGE_EDITED_H
#define CASTSSL_CHANGE_EDITED_H

#include "change/record.h"

/* Save what the change writes into its n-th file, which holds rules. */
extern void castssl_edited_remember(const CastsslChange *change, int n, const char *data,
									size_t length);

/*
 * The n-th file was edited since the change.  If it holds rules, write what undoing puts back
 * instead of what was before, and note that in the journal: true.  False where that cannot be: a
 * file of TLS, one that is gone, a change that had not taken effect, or lines that the server would
 * refuse.  Raises what writing raises.
 */
extern bool castssl_edited_keep(CastsslChange *change, int n);

#endif
