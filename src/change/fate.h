/*
 * fate.h
 *		The id of a transaction on the disk, and what became of that transaction.
 *
 * A state file that has the id counts if the transaction has committed.  PostgreSQL knows
 * that for good, whatever ends the server.
 */
#ifndef CASTSSL_CHANGE_FATE_H
#define CASTSSL_CHANGE_FATE_H

typedef enum CastsslFate
{
	CASTSSL_COMMITTED,
	CASTSSL_RUNNING, /* it is the running transaction, or a part of it that was not rolled back */
	CASTSSL_NOT_COMMITTED
} CastsslFate;

/*
 * The full id of the running transaction, or of its innermost subtransaction.  It is in the
 * WAL on the disk: after a crash no other transaction gets it.  0 on a standby, where
 * transactions have no ids.
 */
extern uint64 castssl_transaction_id(bool innermost);

/* What became of it; 0: committed. */
extern CastsslFate castssl_fate(uint64 transaction);

#endif
