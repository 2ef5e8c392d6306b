/*
 * recover.h
 *		Undo what was interrupted, and what nobody confirmed in time.
 */
#ifndef CASTSSL_CHANGE_RECOVER_H
#define CASTSSL_CHANGE_RECOVER_H

/*
 * Is there something for castssl_change_recover: an interrupted change (state applying,
 * without a running call), one whose transaction did not commit, an unconfirmed one past its
 * deadline, or leftovers of an interrupted call?
 */
extern bool castssl_change_recovery_is_due(void);

/*
 * Undo what was found interrupted, not committed, or unconfirmed past its deadline, and clear
 * up.  Changes of the running transaction stay, unless their subtransaction was rolled back.  Each
 * undone change is reported at elevel (LOG or WARNING): which, whose and why.  A change that cannot
 * be undone as a whole, because its files outside of the data directory are not, or perhaps not,
 * this cluster's, is left as it is, closed and reported.  Only for the holder of the lock.
 */
extern void castssl_change_recover(int elevel);

/*
 * See the parameters as the newest change has left them.  The server has loaded them, but this
 * process would read them only behind its statement.
 */
extern void castssl_change_catch_up(void);

#endif
