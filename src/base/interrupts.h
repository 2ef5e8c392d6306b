/*
 * interrupts.h
 *		Lets a cancel or a termination end a loop over input.
 */
#ifndef CASTSSL_BASE_INTERRUPTS_H
#define CASTSSL_BASE_INTERRUPTS_H

/*
 * What castssl_let_interrupt calls: in a server CHECK_FOR_INTERRUPTS() (server/process/wait.h).
 * NULL, the initial value: nothing.
 */
extern void (*castssl_interrupted)(void);

/*
 * Every loop over input calls this, in the pure floors too.  It may raise an error, and then
 * everything leaks that no memory context owns.
 */
static inline void
castssl_let_interrupt(void)
{
	if (castssl_interrupted != NULL)
		castssl_interrupted();
}

#endif
