/*
 * ints.h
 *		A list of numbers that grows.
 */
#ifndef CASTSSL_BASE_INTS_H
#define CASTSSL_BASE_INTS_H

/* Numbers, growable; zero-initialize before the first use. */
typedef struct CastsslInts
{
	int *items;
	int count;
	int capacity;
} CastsslInts;

extern void castssl_ints_add(CastsslInts *ints, int value);
extern void castssl_ints_free(CastsslInts *ints);

/* Sort in ascending order and remove duplicates. */
extern void castssl_ints_unique(CastsslInts *ints);

/* Is value one of them?  They must be in ascending order. */
extern bool castssl_ints_has(const CastsslInts *ints, int value);

#endif
