/*
 * rollback.h
 *		Restores files and parameters from the journal.
 */
#ifndef CASTSSL_CHANGE_ROLLBACK_H
#define CASTSSL_CHANGE_ROLLBACK_H

#include "change/journal.h"

/*
 * Move the staged edits of pg_hba.conf that the change makes live into its directory,
 * and back when it is undone.  Does nothing if the change uses none.
 */
extern void castssl_change_take_staged(const CastsslChange *change);

/*
 * Restore every file and parameter of the change, durably, however far the change had
 * got.  What is already restored is left alone, so calling it again is harmless.  Does
 * not reload and does not change the journal.
 *
 * Goes as far as it can, then raises the first error; ssl then stays stored as off.  If
 * only root could restore an owner, the file belongs to the server's account, and its
 * mode lets nobody else read a key.  What somebody else has written since the change is
 * kept in the change's directory, with a WARNING.  If the journal was copied here with a
 * base backup, such a file is left in place, because it may be this server's own.
 */
extern void castssl_change_restore(const CastsslChange *change);

/*
 * castssl_change_restore, a reload, and the end of the change in the journal, with its
 * final state.  Returns NULL, or why the reload was not seen (palloc'd).  In both cases
 * the files are restored.
 */
extern char *castssl_change_undo(CastsslChange *change, CastsslChangeState state);

/*
 * Paths of the files that are no longer as the change left them, joined by ", "; NULL if
 * all are.
 */
extern char *castssl_change_edited_since(const CastsslChange *change);

/*
 * Is there something for castssl_change_recover: an interrupted change (state applying,
 * without a running call), an unconfirmed one past its deadline, or leftovers of an
 * interrupted call?
 */
extern bool castssl_change_recovery_is_due(void);

/*
 * Undo changes that were interrupted or are unconfirmed past their deadline, and clear
 * up.  Each undone change is reported at elevel (LOG or WARNING): which one, who made
 * it, and why it was undone.  Only for the holder of the lock.
 */
extern void castssl_change_recover(int elevel);

#endif
