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
#ifdef FRONTEND
	return items == NULL ? palloc(*capacity * size) : repalloc(items, *capacity * size);
#else
	/* the records of a file of empty lines can need more than 1 GB; the server reads such files */
	return items == NULL ? palloc_extended(*capacity * size, MCXT_ALLOC_HUGE)
						 : repalloc_huge(items, *capacity * size);
#endif
}
