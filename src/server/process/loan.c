/*
 * loan.c
 *		Process-wide state of the server that we change for a short time.
 */
#include "postgres.h"

#include "storage/ipc.h"

#include "server/process/loan.h"

static CastsslLoan *newest_loan;
static bool registered;

void
castssl_loan_end_all(void)
{
	while (newest_loan != NULL)
		castssl_loan_end(newest_loan);
}

/* Loans on the stack are still valid: the exit happens in a function below their owners. */
static void
at_exit(int code, Datum arg)
{
	castssl_loan_end_all();
}

void
castssl_loan_begin(CastsslLoan *loan, void (*put_back)(void *), void *arg)
{
	/*
	 * Registered once for the process and never removed.  PG_ENSURE_ERROR_CLEANUP does not fit:
	 * it fails to remove its callback if somebody has registered another one meanwhile.
	 */
	if (!registered)
		before_shmem_exit(at_exit, 0);
	registered = true;
	*loan = (CastsslLoan){ .put_back = put_back, .arg = arg, .below = newest_loan };
	newest_loan = loan;
}

void
castssl_loan_end(CastsslLoan *loan)
{
	Assert(loan == newest_loan);
	newest_loan = loan->below;
	loan->put_back(loan->arg);
}
