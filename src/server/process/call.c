/*
 * call.c
 *		One call of one of our SQL functions, from its entry to its return.
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "server/process/call.h"

static MemoryContext context; /* in TopMemoryContext, emptied at the end of each call */
static int depth;
static uint64 number;

void
castssl_call_begin(void)
{
	if (context == NULL)
		context =
			AllocSetContextCreate(TopMemoryContext, "pg_castssl call", ALLOCSET_DEFAULT_SIZES);
	if (depth++ == 0)
		number++;
}

void
castssl_call_end(void)
{
	if (--depth > 0)
		return;
	number++;
	MemoryContextReset(context);
}

MemoryContext
castssl_call_context(void)
{
	return depth > 0 ? context : NULL;
}

void
castssl_call_forget(void)
{
	number++;
}

uint64
castssl_call_number(void)
{
	return number;
}
