/*
 * interrupts.h
 *		Lets a cancel or a termination end a loop over input.
 */
#ifndef CASTSSL_BASE_INTERRUPTS_H
#define CASTSSL_BASE_INTERRUPTS_H

/*
 * What castssl_let_interrupt calls: CHECK_FOR_INTERRUPTS() in a server (server/process/wait.h).
 * NULL, as at the start: nobody interrupts.
 */
extern void (*castssl_interrupted)(void);

/*
 * Every loop over input calls this, the pure floors too.  It may raise an error: whatever is not
 * palloc'd and not adopted by a memory context would leak.
 */
static inline void
castssl_let_interrupt(void)
{
	if (castssl_interrupted != NULL)
		castssl_interrupted();
}

#endif
