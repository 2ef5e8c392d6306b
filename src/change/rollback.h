/*
 * rollback.h
 *		Restores files and parameters from the journal.
 */
#ifndef CASTSSL_CHANGE_ROLLBACK_H
#define CASTSSL_CHANGE_ROLLBACK_H

#include "change/record.h"

/*
 * Move the staged edits of pg_hba.conf, which the change applies, into its directory.
 * castssl_change_undo moves them back.  Does nothing if the change uses none.
 */
extern void castssl_change_take_staged(const CastsslChange *change);

/*
 * Restore every file and parameter of the change, durably, however far the change had got; reload;
 * and close the change in the journal with that state.  A second call is harmless.  Returns NULL,
 * or why the reload could not be observed (palloc'd): the files are restored in both cases.
 *
 * - What may fail for lack of rights or space comes first.  If it fails, the error is raised, and
 *   nothing is stored or replaced.
 * - If TLS is on now and afterwards, it stays on in between.
 * - If only root could restore an owner, the file belongs to the server's account, and only that
 *   account can read a key.
 * - What somebody else has written since the change is kept in the change's directory, with a
 *   WARNING; so are values that ALTER SYSTEM has stored.  An edit of rules stays in effect
 *   (change/edited.h).
 * - A file that the change had not replaced yet is left as it is.
 * - So is one in whose place somebody has put something else, such as a link, with a WARNING; if it
 *   is the certificate, the key is too, and the other way round.
 */
extern char *castssl_change_undo(CastsslChange *change, CastsslChangeState state);

/*
 * Paths of the files that are no longer as the change left them, joined by ", "; NULL if
 * all are.
 */
extern char *castssl_change_edited_since(const CastsslChange *change);

/* Names of the parameters that are no longer stored as the change stored them; NULL if all are. */
extern char *castssl_change_parameters_set_since(const CastsslChange *change);

/*
 * Has somebody else written a file with that hash (NULL: it does not exist)?  True if the hash is
 * not that of the before-image, of what the change wrote, or of what undoing restores.
 */
extern bool castssl_change_is_foreign(const CastsslChangedFile *file, const char *hash);

#endif
