/*
 * rollback.h
 *		Putting files and parameters back to what the journal saved.
 */
#ifndef CASTSSL_CHANGE_ROLLBACK_H
#define CASTSSL_CHANGE_ROLLBACK_H

#include "change/journal.h"

/*
 * The staged edits of pg_hba.conf that the change makes live move into its
 * directory, and back when it is undone; nothing where it uses none.
 */
extern void castssl_change_take_staged(const CastsslChange *change);

/*
 * Put every file and parameter of the change back, durably, whatever of it had
 * been done; what is so already is left alone, so calling it again is harmless.
 * Does not reload and does not change the journal.
 *
 * Goes as far as it can, then raises the first thing that went wrong; ssl stays
 * stored off then.  An owner that only root could give back is not: the file is
 * the server's then, and no key is readable for more than the server.  What
 * somebody else has written since is kept in the change's directory, with a
 * WARNING; and left in place when the journal was copied here with a base backup,
 * for then the file may be this server's own.
 */
extern void castssl_change_restore(const CastsslChange *change);

/*
 * castssl_change_restore, reload, and the end of the change in the journal:
 * state is what it ends in.  Returns NULL, or why the reload could not be seen
 * (palloc'd); the files are back all the same.
 */
extern char *castssl_change_undo(CastsslChange *change, CastsslChangeState state);

/*
 * Paths of the files that are no longer as the change left them, joined by
 * ", "; NULL when all are.
 */
extern char *castssl_change_edited_since(const CastsslChange *change);

/*
 * Is there something for castssl_change_recover: an interrupted change (state
 * applying, without a running call), an unconfirmed one past its deadline, or
 * what an interrupted call left lying about?
 */
extern bool castssl_change_recovery_is_due(void);

/*
 * Undo what was found interrupted or unconfirmed past its deadline, and clear
 * up.  Each undone change is reported at elevel (LOG or WARNING): which, whose
 * and why.  Only for the holder of the lock.
 */
extern void castssl_change_recover(int elevel);

#endif
