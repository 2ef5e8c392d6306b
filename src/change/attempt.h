/*
 * attempt.h
 *		Calls a function and continues if it raises an error.
 */
#ifndef CASTSSL_CHANGE_ATTEMPT_H
#define CASTSSL_CHANGE_ATTEMPT_H

typedef void (*CastsslAttempt)(void *arg);

/*
 * Call body(arg) in a subtransaction, which cleans up (locks, files) if body raises an
 * error.  Returns NULL, or the error, palloc'd in the current context. body also
 * allocates in the current context.  Needs a transaction.
 *
 * Afterwards, interrupts are held off as before.  If they were not held off, a query cancel
 * (also by statement_timeout) is raised again.  If they were, it is returned: body may resume
 * interrupts for parts of its work, if the caller then undoes what body did.  A termination
 * request that is served in body ends the process, and undo_at_exit() in worker.c undoes what it
 * leaves behind.
 *
 * No other code may catch an error without raising it again (scripts/check-layers): an error
 * resets the counters that hold off interrupts, and leaves locks and open files behind.
 */
extern ErrorData *castssl_attempt(CastsslAttempt body, void *arg);

#endif
