/*
 * loan.h
 *		Process-wide state of the server that is ours for a moment.
 *
 * Whoever sets a variable of the server (a hook, a log level, HbaFileName, ...)
 * must put it back, however the moment ends.  PG_FINALLY alone does not: FATAL and
 * exit pass it by, and callbacks at exit would find our state.
 */
#ifndef CASTSSL_SERVER_PROCESS_LOAN_H
#define CASTSSL_SERVER_PROCESS_LOAN_H

typedef struct CastsslLoan
{
	void (*put_back)(void *arg);
	void *arg;
	struct CastsslLoan *below;
} CastsslLoan;

/*
 * From here on put_back(arg) is due.  Call this before the state is changed.  The
 * loan may lie on the stack; loans end in reverse order.  put_back raises no error.
 */
extern void castssl_loan_begin(CastsslLoan *loan, void (*put_back)(void *), void *arg);

/* Put it back.  Call this in PG_FINALLY.  Where the process ends first, its exit does it. */
extern void castssl_loan_end(CastsslLoan *loan);

/* Put back all there is: this process is about to end. */
extern void castssl_loan_end_all(void);

#endif
