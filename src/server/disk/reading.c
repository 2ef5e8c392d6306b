/*
 * reading.c
 *		The bytes of files that the current call has read (server/process/call.h).
 */
#include "postgres.h"

#include "nodes/pg_list.h"

#include "server/disk/reading.h"
#include "server/process/call.h"

static List *readings; /* CastsslReading, in the context of the call */
static uint64 read_for;

const CastsslReading *
castssl_reading_find(const char *path)
{
	ListCell *cell;

	if (castssl_call_context() == NULL || read_for != castssl_call_number())
		return NULL;
	foreach (cell, readings)
	{
		const CastsslReading *reading = lfirst(cell);

		if (!reading->forgotten && strcmp(reading->path, path) == 0)
			return reading;
	}
	return NULL;
}

void
castssl_reading_forget(const char *path)
{
	ListCell *cell;

	if (castssl_call_context() == NULL || read_for != castssl_call_number())
		return;
	foreach (cell, readings)
	{
		CastsslReading *reading = lfirst(cell);

		if (path == NULL || strcmp(reading->path, path) == 0)
			reading->forgotten = true;
	}
}

static void
wipe(void *arg)
{
	CastsslReading *reading = arg;

	explicit_bzero(unconstify(char *, reading->data), reading->length);
}

void
castssl_reading_keep(const char *path, const char *data, size_t length, const struct stat *st)
{
	MemoryContext context = castssl_call_context();
	MemoryContext caller;
	CastsslReading *reading;

	if (context == NULL)
		return;
	if (read_for != castssl_call_number())
	{
		readings = NIL; /* its memory is freed with its call */
		read_for = castssl_call_number();
	}
	caller = MemoryContextSwitchTo(context);
	reading = palloc0(sizeof(CastsslReading));
	reading->path = pstrdup(path);
	if (data)
	{
		MemoryContextCallback *callback = palloc0(sizeof(MemoryContextCallback));
		char *copy = MemoryContextAllocHuge(context, length + 1);

		memcpy(copy, data, length + 1);
		reading->data = copy;
		reading->length = length;
		reading->st = *st;
		callback->func = wipe;
		callback->arg = reading;
		MemoryContextRegisterResetCallback(context, callback);
	}
	readings = lappend(readings, reading);
	MemoryContextSwitchTo(caller);
}

char *
castssl_reading_copy(const CastsslReading *reading, size_t *length)
{
	char *copy;

	if (reading->data == NULL)
		return NULL;
	copy = MemoryContextAllocHuge(CurrentMemoryContext, reading->length + 1);
	memcpy(copy, reading->data, reading->length + 1);
	*length = reading->length;
	return copy;
}
