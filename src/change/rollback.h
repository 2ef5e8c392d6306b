/*
 * rollback.h
 *		Restores files and parameters from the journal.
 */
#ifndef CASTSSL_CHANGE_ROLLBACK_H
#define CASTSSL_CHANGE_ROLLBACK_H

#include "change/record.h"

/*
 * Move the staged edits of pg_hba.conf that the change makes live into its directory,
 * and back when it is undone.  Does nothing if the change uses none.
 */
extern void castssl_change_take_staged(const CastsslChange *change);

/*
 * Put every file and parameter of the change back, durably, whatever of it had been done;
 * reload; and end the change in the journal: state is what it ends in.  Calling it again
 * is harmless.  Returns NULL, or why the reload could not be seen (palloc'd); the files
 * are back all the same.
 *
 * What may fail for want of rights or space comes first: then nothing is stored or
 * replaced, and it raises the error.  TLS stays on meanwhile where it is on before and
 * after.  An owner that only root could give back is not: the file is the server's then,
 * and no key is readable for more than the server.  What somebody else has written since
 * the change is kept in the change's directory, with a WARNING, also what ALTER SYSTEM has
 * stored; an edit of rules stays in effect (change/edited.h).  A file that the change had not
 * replaced yet is left as it is.
 */
extern char *castssl_change_undo(CastsslChange *change, CastsslChangeState state);

/*
 * Paths of the files that are no longer as the change left them, joined by ", "; NULL if
 * all are.
 */
extern char *castssl_change_edited_since(const CastsslChange *change);

/* The same of its parameters: those that are no longer stored as the change stored them. */
extern char *castssl_change_parameters_set_since(const CastsslChange *change);

/* Does a file with that hash (NULL: none) hold neither what was before the change nor what it
 * wrote? */
extern bool castssl_change_is_foreign(const CastsslChangedFile *file, const char *hash);

#endif
