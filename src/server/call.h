/*
 * call.h
 *		One call of a SQL function of ours, from its entry to its return.
 *
 * What is read for a call is kept until it ends, so that every question about a
 * file is answered by the same bytes, and each file is read once.  Whoever wants
 * what lies on the disk now, after a write or before one, calls
 * castssl_call_forget() first.
 */
#ifndef CASTSSL_SERVER_CALL_H
#define CASTSSL_SERVER_CALL_H

#include "utils/palloc.h"

/* Begin and end a call.  A call within a call is a part of it. */
extern void castssl_call_begin(void);
extern void castssl_call_end(void);

/* Memory that lives until the call ends; NULL where none runs, as in a worker: then nothing is
 * kept. */
extern MemoryContext castssl_call_context(void);

/* What was kept until now is not asked any more. */
extern void castssl_call_forget(void);

/* Grows with each call and with castssl_call_forget(): what bears another number is forgotten. */
extern uint64 castssl_call_number(void);

#endif
