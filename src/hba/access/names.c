/*
 * names.c
 *		Names as numbers, and what the words of a rule's lists mean as keys.
 */
#ifdef FRONTEND
#include "postgres_fe.h"

#include "common/logging.h" /* simplehash.h has it at hand */
#else
#include "postgres.h"
#endif

#include "common/hashfn.h"

#include "base/grow.h"
#include "hba/access/names.h"

typedef struct NameEntry
{
	const char *name;
	uint32 hash;
	int number;
	char status;
} NameEntry;

#define SH_PREFIX castssl_names
#define SH_ELEMENT_TYPE NameEntry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b) castssl_hba_same(a, b)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, a) ((a)->hash)
#define SH_SCOPE static inline
#define SH_RAW_ALLOCATOR palloc0
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

int
castssl_hba_names_number(CastsslHbaNames *names, const char *name, bool add)
{
	NameEntry *entry;
	bool found;

	if (names->hash == NULL)
		names->hash = castssl_names_create(64, NULL);
	if (!add)
	{
		entry = castssl_names_lookup(names->hash, name);
		return entry == NULL ? -1 : entry->number;
	}
	entry = castssl_names_insert(names->hash, name, &found);
	if (found)
		return entry->number;
	entry->number = names->count;
	CASTSSL_GROW(names->items, names->count, names->capacity);
	names->items[names->count] = name;
	return names->count++;
}

const char *
castssl_hba_unmentioned(CastsslHbaNames *names, const char *stem)
{
	while (castssl_hba_names_number(names, stem, false) >= 0)
		stem = psprintf("%s_", stem);
	return stem;
}

static int
key_of(CastsslHbaNames *names, const CastsslHbaToken *token, bool of_database, int version)
{
	const char *name = token->string;

	if (castssl_hba_is_keyword(token, "all"))
		return CASTSSL_KEY(CASTSSL_KEY_ALL, 0);
	if (of_database && castssl_hba_is_keyword(token, "sameuser"))
		return CASTSSL_KEY(CASTSSL_KEY_SAMEUSER, 0);
	if (of_database &&
		(castssl_hba_is_keyword(token, "samerole") || castssl_hba_is_keyword(token, "samegroup")))
		return CASTSSL_KEY(CASTSSL_KEY_SAMEROLE, 0);
	if (of_database && castssl_hba_is_keyword(token, "replication"))
		return CASTSSL_KEY(CASTSSL_KEY_REPLICATION, 0);
	if (!of_database && castssl_hba_is_group(token))
		return CASTSSL_KEY(CASTSSL_KEY_GROUP, castssl_hba_names_number(names, name + 1, true));
	if (castssl_hba_is_regexp(token, version))
		return CASTSSL_KEY(CASTSSL_KEY_REGEXP, castssl_hba_names_number(names, name + 1, true));
	return CASTSSL_KEY(CASTSSL_KEY_NAME, castssl_hba_names_number(names, name, true));
}

void
castssl_hba_keys(CastsslHbaNames *names, const CastsslHbaTokens *tokens, bool of_database,
				 int version, CastsslInts *keys)
{
	bool all = false;
	int count = 0;

	keys->count = 0;
	for (int i = 0; i < tokens->count; i++)
	{
		int key = key_of(names, &tokens->items[i], of_database, version);

		all = all || key == CASTSSL_KEY(CASTSSL_KEY_ALL, 0);
		if (CASTSSL_KEY_KIND(key) != CASTSSL_KEY_NAME || tokens->items[i].string[0] != '\0')
			castssl_ints_add(keys, key);
	}
	castssl_ints_unique(keys);
	for (int i = 0; i < keys->count; i++)
		if (!all || CASTSSL_KEY_KIND(keys->items[i]) == CASTSSL_KEY_ALL ||
			CASTSSL_KEY_KIND(keys->items[i]) == CASTSSL_KEY_REPLICATION)
			keys->items[count++] = keys->items[i];
	keys->count = count;
}
