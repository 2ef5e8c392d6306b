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
 * allocates in the current context.  Needs a transaction.  Afterwards, interrupts are
 * held off as before; where they were not, a cancel (also by statement_timeout) is raised
 * and not swallowed.  Where they were, it is returned: body may let interrupts in, for
 * parts of it, if the caller undoes what body has done.  A termination request that body
 * lets in ends the process; castssl_worker_stand_in sees to what it leaves behind.
 *
 * No other code may catch an error without raising it again: an error lets go of
 * held-off interrupts, and leaves locks and files behind (scripts/check-layers).
 */
extern ErrorData *castssl_attempt(CastsslAttempt body, void *arg);

#endif
