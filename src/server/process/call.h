/*
 * call.h
 *		One call of one of our SQL functions, from its entry to its return.
 *
 * Everything that a call reads is kept until the call ends.  So the same bytes answer
 * every question about a file, and each file is read once.  Code that needs the
 * current contents of the disk, before or after a write, calls castssl_call_forget()
 * first.
 */
#ifndef CASTSSL_SERVER_PROCESS_CALL_H
#define CASTSSL_SERVER_PROCESS_CALL_H

#include "utils/palloc.h"

/* Begin and end a call.  A call inside another call is part of it. */
extern void castssl_call_begin(void);
extern void castssl_call_end(void);

/*
 * Memory that lives until the call ends.  NULL if no call runs, as in a worker: then
 * nothing is kept.
 */
extern MemoryContext castssl_call_context(void);

/* Forget what was kept so far: later questions read it again. */
extern void castssl_call_forget(void);

/*
 * Grows with each call and with castssl_call_forget().  What was kept under another
 * number no longer counts.
 */
extern uint64 castssl_call_number(void);

#endif
