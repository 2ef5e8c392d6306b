/*
 * loan.c
 *		Process-wide state of the server that is ours for a moment.
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

/* Frames of the stack are still there: exit is called from below them. */
static void
at_exit(int code, Datum arg)
{
	castssl_loan_end_all();
}

void
castssl_loan_begin(CastsslLoan *loan, void (*put_back)(void *), void *arg)
{
	/*
	 * Once for the process and for good, not PG_ENSURE_ERROR_CLEANUP: that refuses
	 * to go when somebody has registered another callback meanwhile.
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
