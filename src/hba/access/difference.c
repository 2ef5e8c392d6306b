/*
 * difference.c
 *		A row of a comparison: connections that another rule answers now.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/access/difference.h"

void
castssl_hba_difference_add(CastsslHbaDifferences *differences,
						   const CastsslHbaDifference *difference)
{
	if (differences->count == differences->capacity)
	{
		int capacity = Max(8, differences->capacity * 2);

		if (differences->items == NULL)
			differences->items = palloc(capacity * sizeof(CastsslHbaDifference));
		else
			differences->items =
				repalloc(differences->items, capacity * sizeof(CastsslHbaDifference));
		differences->capacity = capacity;
	}
	differences->items[differences->count++] = *difference;
}
