/*
 * grow.h
 *		Room for one more in an array.
 */
#ifndef CASTSSL_BASE_GROW_H
#define CASTSSL_BASE_GROW_H

/*
 * Makes sure that items, of which count are in use, has room for one more.
 * items and capacity are lvalues, named more than once; NULL and 0 before the first use.
 * The array is palloc'd in the context current at the first use, and stays there.
 */
#define CASTSSL_GROW(items, count, capacity)                                                       \
	do                                                                                             \
	{                                                                                              \
		if ((count) >= (capacity))                                                                 \
			(items) = castssl_grow((items), &(capacity), sizeof(*(items)));                        \
	} while (0)

/* The array with twice the room, 8 at least; sizes are in elements, size in bytes. */
extern void *castssl_grow(void *items, int *capacity, size_t size);

#endif
