/*
 * grow.h
 *		Makes room for one more element in an array.
 */
#ifndef CASTSSL_BASE_GROW_H
#define CASTSSL_BASE_GROW_H

/*
 * Ensure that items, which has count elements in use, has room for one more. items and
 * capacity are lvalues and are evaluated more than once; NULL and 0 before the first
 * use.  The array is palloc'd in the context that is current at the first use, and stays
 * there.
 */
#define CASTSSL_GROW(items, count, capacity)                                                       \
	do                                                                                             \
	{                                                                                              \
		if ((count) >= (capacity))                                                                 \
			(items) = castssl_grow((items), &(capacity), sizeof(*(items)));                        \
	} while (0)

/* The array with twice the room, at least for 8. capacity is in elements, size in bytes. */
extern void *castssl_grow(void *items, int *capacity, size_t size);

#endif
