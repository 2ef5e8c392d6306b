/*
 * grow.c
 *		Makes room for one more element in an array.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/grow.h"

#define FIRST_CAPACITY 8

void *
castssl_grow(void *items, int *capacity, size_t size)
{
	*capacity = Max(FIRST_CAPACITY, *capacity * 2);
	return items == NULL ? palloc(*capacity * size) : repalloc(items, *capacity * size);
}
