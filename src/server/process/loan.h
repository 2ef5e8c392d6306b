/*
 * loan.h
 *		Process-wide state of the server that we change for a short time.
 *
 * Code that sets a variable of the server (a hook, a log level, HbaFileName, ...) must restore it
 * in every case.  PG_FINALLY alone is not enough: FATAL and exit skip it, and callbacks at exit
 * would see our value.
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
 * Register put_back(arg).  Call this before changing the state.  The loan may lie on the stack;
 * loans end in reverse order.  put_back must not raise an error.
 */
extern void castssl_loan_begin(CastsslLoan *loan, void (*put_back)(void *), void *arg);

/*
 * Call put_back.  Use this in PG_FINALLY.  If the process exits first, put_back is called at
 * exit.
 */
extern void castssl_loan_end(CastsslLoan *loan);

/* End all loans, because this process is about to end. */
extern void castssl_loan_end_all(void);

#endif
