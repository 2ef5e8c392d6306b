/*
 * interrupts.c
 *		Lets a cancel or a termination end a loop over input.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/interrupts.h"

void (*castssl_interrupted)(void) = NULL;
