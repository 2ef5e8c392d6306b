/*
 * table.c
 *		A map from 64-bit keys to numbers (open addressing), for both builds.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/access/table.h"

/* Spread the bits of a key: keys are often small numbers side by side. */
static uint64
mix(uint64 key)
{
	key ^= key >> 31;
	key *= UINT64CONST(0x9e3779b97f4a7c15);
	key ^= key >> 29;
	key *= UINT64CONST(0xbf58476d1ce4e5b9);
	key ^= key >> 32;
	return key;
}

/* Where key is, or else where it would go.  The table is never full. */
static CastsslTableEntry *
find(const CastsslTable *table, uint64 key)
{
	uint32 place = (uint32) mix(key) & (table->size - 1);

	while (table->entries[place].value != CASTSSL_ABSENT && table->entries[place].key != key)
		place = (place + 1) & (table->size - 1);
	return &table->entries[place];
}

static void
resize(CastsslTable *table, uint32 size)
{
	CastsslTable old = *table;

	table->size = size;
	table->entries = palloc(size * sizeof(CastsslTableEntry));
	for (uint32 i = 0; i < size; i++)
		table->entries[i].value = CASTSSL_ABSENT;
	for (uint32 i = 0; i < old.size; i++)
		if (old.entries[i].value != CASTSSL_ABSENT)
			*find(table, old.entries[i].key) = old.entries[i];
	if (old.size > 0)
		pfree(old.entries);
}

int
castssl_table_get(const CastsslTable *table, uint64 key)
{
	return table->size == 0 ? CASTSSL_ABSENT : find(table, key)->value;
}

int *
castssl_table_place(CastsslTable *table, uint64 key)
{
	CastsslTableEntry *entry;

	if (table->size == 0 || table->count >= table->size / 2)
		resize(table, Max(64, table->size * 2));
	entry = find(table, key);
	if (entry->value == CASTSSL_ABSENT)
		table->count++;
	entry->key = key;
	return &entry->value;
}

void
castssl_table_free(CastsslTable *table)
{
	if (table->size > 0)
		pfree(table->entries);
	memset(table, 0, sizeof(CastsslTable));
}

uint64
castssl_hash_bytes(uint64 hash, const void *bytes, size_t length)
{
	const uint8 *byte = bytes;

	for (size_t i = 0; i < length; i++)
		hash = (hash ^ byte[i]) * UINT64CONST(0x100000001b3);
	return mix(hash + length);
}
