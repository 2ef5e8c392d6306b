/*
 * transaction.h
 *		A change belongs to the transaction that made it.
 *
 * A change is in effect and proven when the call returns, and its state is
 * uncommitted.  When the transaction is about to commit, its manifest gets its final
 * state and the transaction's id; it counts if that id has committed, which PostgreSQL
 * knows for good.  So all changes of a transaction count, or none, whatever ends the
 * server.  On a standby, where transactions have no ids, the final state counts as
 * soon as it is written.
 *
 * So it is with a confirmation and a new deadline: the manifest has them with the id.
 *
 * What was not committed is undone as what was interrupted is: by the process that
 * watches, which is woken, or by the next call that changes something.  The callback for
 * an abort does no more than say so and wake it.
 */
#ifndef CASTSSL_CHANGE_TRANSACTION_H
#define CASTSSL_CHANGE_TRANSACTION_H

/* Register the callbacks, once for a process.  Called from _PG_init. */
extern void castssl_transaction_register(void);

#endif
