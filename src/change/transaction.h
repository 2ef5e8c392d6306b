/*
 * transaction.h
 *		A change belongs to the transaction that made it.
 *
 * A change is in effect and proven when the call returns, and its state is uncommitted.
 * Just before the transaction commits, the manifest gets the final state and the id of the
 * transaction.  That state is valid if the id has committed, which PostgreSQL remembers also
 * after a crash.  So either all changes of a transaction stay, or none.  On a standby, where
 * transactions have no ids, the final state is valid as soon as it is written.
 *
 * A confirmation and a new deadline are also written with the id of their transaction.
 *
 * A change that was not committed is undone like an interrupted one: by the process that
 * watches, or by the next call that changes something.  The callback for an abort only tells
 * the client and wakes that process.
 */
#ifndef CASTSSL_CHANGE_TRANSACTION_H
#define CASTSSL_CHANGE_TRANSACTION_H

/* Register the callbacks, once for a process.  Called from _PG_init. */
extern void castssl_transaction_register(void);

#endif
