/*
 * attempt.c
 *		Calls a function and continues if it raises an error.
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/resowner.h"

#include "change/attempt.h"

ErrorData *
castssl_attempt(CastsslAttempt body, void *arg)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	uint32 held_off = InterruptHoldoffCount;
	uint32 cancels_held_off = QueryCancelHoldoffCount;
	ErrorData *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		body(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		/* ereport reset these counters.  No interrupt may be served before the caller is ready. */
		InterruptHoldoffCount = held_off;
		QueryCancelHoldoffCount = cancels_held_off;
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL && error->sqlerrcode == ERRCODE_QUERY_CANCELED && held_off == 0 &&
		cancels_held_off == 0)
		ReThrowError(error);
	return error;
}
