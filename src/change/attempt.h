/*
 * attempt.h
 *		Try something, and live on when it raises an error.
 */
#ifndef CASTSSL_CHANGE_ATTEMPT_H
#define CASTSSL_CHANGE_ATTEMPT_H

typedef void (*CastsslAttempt)(void *arg);

/*
 * Call body(arg) in a subtransaction, which cleans up (locks, files) when it
 * raises an error.  Returns NULL, or that error, palloc'd in the current
 * context, where body also allocates.  Needs a transaction.  Interrupts are held
 * off afterwards as they were before.
 */
extern ErrorData *castssl_attempt(CastsslAttempt body, void *arg);

#endif
