/*
 * table.h
 *		A map from 64-bit keys to numbers (open addressing), for both builds.
 */
#ifndef CASTSSL_HBA_ACCESS_TABLE_H
#define CASTSSL_HBA_ACCESS_TABLE_H

#define CASTSSL_ABSENT (-1)

typedef struct CastsslTableEntry
{
	uint64 key;
	int value; /* CASTSSL_ABSENT: free */
} CastsslTableEntry;

/* Zero-initialize before the first use.  Values are not negative. */
typedef struct CastsslTable
{
	CastsslTableEntry *entries;
	uint32 size; /* a power of 2, or 0 */
	uint32 count;
} CastsslTable;

/* The value of key, or CASTSSL_ABSENT. */
extern int castssl_table_get(const CastsslTable *table, uint64 key);

/*
 * Where the value of key is: CASTSSL_ABSENT where it is new, and then the caller sets it.
 * Good until the next call.
 */
extern int *castssl_table_place(CastsslTable *table, uint64 key);

extern void castssl_table_free(CastsslTable *table);

/* Hash bytes on top of a hash (0 to begin with). */
extern uint64 castssl_hash_bytes(uint64 hash, const void *bytes, size_t length);

#endif
