/*
 * ints.c
 *		A list of numbers that grows.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/grow.h"
#include "base/ints.h"

void
castssl_ints_add(CastsslInts *ints, int value)
{
	CASTSSL_GROW(ints->items, ints->count, ints->capacity);
	ints->items[ints->count++] = value;
}

void
castssl_ints_free(CastsslInts *ints)
{
	if (ints->items != NULL)
		pfree(ints->items);
}

static int
compare_ints(const void *left, const void *right)
{
	int a = *(const int *) left;
	int b = *(const int *) right;

	return a < b ? -1 : a > b;
}

void
castssl_ints_unique(CastsslInts *ints)
{
	int count = 0;

	if (ints->count < 2)
		return;
	qsort(ints->items, ints->count, sizeof(int), compare_ints);
	for (int i = 0; i < ints->count; i++)
		if (count == 0 || ints->items[count - 1] != ints->items[i])
			ints->items[count++] = ints->items[i];
	ints->count = count;
}

bool
castssl_ints_has(const CastsslInts *ints, int value)
{
	return ints->count > 0 &&
		   bsearch(&value, ints->items, ints->count, sizeof(int), compare_ints) != NULL;
}
