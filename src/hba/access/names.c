/*
 * names.c
 *		The words of a rule's lists as numbers.
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
	bool found = true;

	if (names->hash == NULL)
		names->hash = castssl_names_create(64, NULL);
	entry = add ? castssl_names_insert(names->hash, name, &found)
				: castssl_names_lookup(names->hash, name);
	if (!found)
	{
		entry->number = names->count;
		CASTSSL_GROW(names->items, names->count, names->capacity);
		names->items[names->count++] = name;
	}
	return entry == NULL ? -1 : entry->number;
}

const char *
castssl_hba_key_name(const CastsslHbaNames *names, int key)
{
	return names->items[CASTSSL_KEY_NUMBER(key)] + (CASTSSL_KEY_KIND(key) == CASTSSL_WORD_GROUP ||
													CASTSSL_KEY_KIND(key) == CASTSSL_WORD_REGEXP);
}

char *
castssl_hba_unmentioned(CastsslHbaNames *names, const char *stem)
{
	char *name = pstrdup(stem);

	while (castssl_hba_names_number(names, name, false) >= 0)
		name = psprintf("%s_", name);
	return name;
}

CastsslInts
castssl_hba_keys(CastsslHbaNames *names, const CastsslHbaTokens *tokens, bool of_database,
				 int version)
{
	CastsslInts keys = { 0 };
	bool all = false;

	for (int i = 0; i < tokens->count; i++)
		all = all || castssl_hba_is_keyword(&tokens->items[i], "all");
	for (int i = 0; i < tokens->count; i++)
	{
		const CastsslHbaToken *token = &tokens->items[i];
		CastsslHbaWord kind = castssl_hba_word(token, of_database, version);
		/* samegroup is another word for samerole */
		const char *word = kind == CASTSSL_WORD_SAMEROLE ? "samerole" : token->string;

		if (all ? kind == CASTSSL_WORD_ALL || kind == CASTSSL_WORD_REPLICATION : word[0] != '\0')
			castssl_ints_add(&keys, CASTSSL_KEY(kind, castssl_hba_names_number(names, word, true)));
	}
	castssl_ints_unique(&keys);
	return keys;
}
