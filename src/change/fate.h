/*
 * fate.h
 *		Transaction ids for state files, and whether such a transaction has committed.
 *
 * A state file with a transaction id is valid if that transaction has committed.  PostgreSQL
 * remembers this also after a crash.
 */
#ifndef CASTSSL_CHANGE_FATE_H
#define CASTSSL_CHANGE_FATE_H

typedef enum CastsslFate
{
	CASTSSL_COMMITTED,
	CASTSSL_RUNNING,        /* this process's transaction, or a subtransaction not rolled back */
	CASTSSL_RUNS_ELSEWHERE, /* it is still running in another process */
	CASTSSL_NOT_COMMITTED,  /* rolled back or interrupted */
	CASTSSL_FORGOTTEN       /* it is so old that PostgreSQL does not know any more */
} CastsslFate;

/*
 * The full id of the running transaction, or of its innermost subtransaction.  Flushes the WAL
 * with the id, so that no other transaction gets the id after a crash, and makes the commit
 * synchronous.  0 on a standby, where transactions have no ids.
 */
extern uint64 castssl_transaction_id(bool innermost);

/* Has the transaction with this full id committed?  An id of 0 counts as committed. */
extern CastsslFate castssl_fate(uint64 transaction);

#endif
