/*
 * edited.h
 *		Keeps edits of pg_hba.conf that somebody made by hand when a change is undone.
 *
 * A rule that somebody added after the change may keep a client out.  So undoing restores the
 * file as it was before the change, with the lines that were added since, and without the lines
 * that were removed since.
 */
#ifndef CASTSSL_CHANGE_EDITED_H
#define CASTSSL_CHANGE_EDITED_H

#include "change/record.h"

/* Save what the change writes into its n-th file (from 0), which contains rules. */
extern void castssl_edited_remember(const CastsslChange *change, int n, const char *data,
									size_t length);

/*
 * The lines of the n-th file (from 0) that are not as the change wrote them, each after a line
 * end: "-pg_hba.conf:3: text" for one that is gone, "+pg_hba.conf:4: text" for one that came.
 * Secrets are shown as ***, and no more than a dozen lines.  NULL if what the change wrote is not
 * kept, or the file is gone.  Palloc'd.
 */
extern char *castssl_edited_lines(const CastsslChange *change, int n);

/*
 * The n-th file (from 0) was edited since the change.  If it contains rules, write what undoing
 * must restore instead of the before-image, note it in the journal, and return true.  False if
 * the edit cannot be kept: for a file of TLS, a missing file, a change that had not taken effect,
 * or lines that the server would refuse.  Raises the errors of writing.
 */
extern bool castssl_edited_keep(CastsslChange *change, int n);

#endif
