/*
 * recover.h
 *		Undo changes that were interrupted, not committed, or not confirmed in time.
 */
#ifndef CASTSSL_CHANGE_RECOVER_H
#define CASTSSL_CHANGE_RECOVER_H

#include "change/record.h"

/*
 * Is there something for castssl_change_recover: an interrupted change (state applying,
 * without a running call), one whose transaction did not commit, an unconfirmed one past its
 * deadline, or leftovers of an interrupted call?
 */
extern bool castssl_change_recovery_is_due(void);

/*
 * Undo changes that were interrupted, not committed, or unconfirmed past their deadline, and clear
 * up.  Changes of the running transaction stay, unless their subtransaction was rolled back.
 * Reports each undone change at elevel (LOG or WARNING).  Call it only with the lock held.
 *
 * A change is closed and reported, but not undone, if the data directory is a copy, and its files
 * outside may belong to another cluster, or its files inside are newer than the change.
 */
extern void castssl_change_recover(int elevel);

/*
 * Why castssl_change_recover() would leave the change alone, a clause with the files: a change is
 * never undone in part.  Palloc'd; NULL: it would be undone.
 */
extern char *castssl_change_why_left_alone(const CastsslChange *change);

/* The HINT for an open change that is left alone: the statements that end it.  Palloc'd. */
extern char *castssl_change_hint_to_end(const CastsslChange *change);

/*
 * Load the parameters as the newest change has left them.  The server has loaded them, but this
 * process would load them only after its statement.
 */
extern void castssl_change_catch_up(void);

#endif
