/*
 * rules.c
 *		The rules of policies, prepared for comparison: keys, intervals, and an index.
 *
 * In the index a block stands directly before the blocks inside it.  Each entry has the place
 * of the smallest block around it.
 */
#ifdef FRONTEND
#include "postgres_fe.h"

#include "common/logging.h" /* simplehash.h needs it */
#else
#include "postgres.h"
#endif

#include <limits.h>

#include "common/hashfn.h"

#include "base/grow.h"
#include "base/interrupts.h"
#include "hba/access/rules.h"
#include "hba/text/address.h"

/* An entry of the index: a rule that has a channel.  Sorted by block and number. */
typedef struct CastsslHbaEntry
{
	uint64 names[2]; /* the box's */
	int rule;
	int outer; /* the place of the smallest block around its own block; -1: none */
	const CastsslHbaBox *box;
} CastsslHbaEntry;

typedef struct Word
{
	const char *word;
	int number;
	char status;
} Word;

#define SH_PREFIX castssl_words
#define SH_ELEMENT_TYPE Word
#define SH_KEY_TYPE const char *
#define SH_KEY word
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b) castssl_hba_same(a, b)
#define SH_SCOPE static inline
#define SH_RAW_ALLOCATOR palloc0
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

uint64
castssl_hba_name_bit(const CastsslHbaSpace *space, const char *name)
{
	const Word *known = castssl_words_lookup(space->numbers, name);

	return UINT64CONST(1) << (known == NULL ? 63 : known->number % 63);
}

const char *
castssl_hba_key_name(const CastsslHbaSpace *space, int key)
{
	CastsslHbaWord kind = CASTSSL_KEY_KIND(key);

	return space->words[CASTSSL_KEY_NUMBER(key)] +
		   (kind == CASTSSL_WORD_GROUP || kind == CASTSSL_WORD_REGEXP);
}

static int
add_word(CastsslHbaSpace *space, const char *word)
{
	bool found;
	Word *known = castssl_words_insert(space->numbers, word, &found);

	if (!found)
	{
		known->number = space->nwords;
		CASTSSL_GROW(space->words, space->nwords, space->capacity);
		space->words[space->nwords++] = word;
	}
	return known->number;
}

/*
 * Set a box's keys and names.  In a list with "all", only "replication" adds anything.  An
 * empty name matches nobody.
 */
static void
read_list(const CastsslHbaRules *rules, bool of_database, CastsslHbaBox *box)
{
	const CastsslHbaTokens *tokens = of_database ? &box->rule.databases : &box->rule.users;
	bool all = false;

	for (int i = 0; i < tokens->count; i++)
		all = all || castssl_hba_is_keyword(&tokens->items[i], "all");
	for (int i = 0; i < tokens->count; i++)
	{
		const CastsslHbaToken *token = &tokens->items[i];
		CastsslHbaWord kind = castssl_hba_word(token, of_database, rules->version);
		/* samegroup is another word for samerole */
		const char *word = kind == CASTSSL_WORD_SAMEROLE ? "samerole" : token->string;

		if (all ? kind != CASTSSL_WORD_ALL && kind != CASTSSL_WORD_REPLICATION : word[0] == '\0')
			continue;
		castssl_ints_add(&box->keys[of_database], CASTSSL_KEY(kind, add_word(rules->space, word)));
		box->names[of_database] |=
			kind == CASTSSL_WORD_NAME ? castssl_hba_name_bit(rules->space, word) : PG_UINT64_MAX;
	}
	castssl_ints_unique(&box->keys[of_database]);
}

static void
read_rule(const CastsslHbaRules *rules, const CastsslHbaRule *rule, CastsslHbaBox *box)
{
	box->rule = *rule;
	if (rule->error != NULL)
		return;
	box->outcome = castssl_hba_outcome(rule);
	box->interval = castssl_interval_of(&rule->address);
	box->block = castssl_interval_block(&box->interval);
	if (rule->address.kind == CASTSSL_HBA_ADDRESS_MASK)
		box->rule.address.kind = CASTSSL_HBA_ADDRESS_ALL;
	read_list(rules, true, box);
	read_list(rules, false, box);
	for (int i = 0; i < CASTSSL_NCHANNELS && box->keys[0].count > 0 && box->keys[1].count > 0; i++)
		if (castssl_hba_type_takes(rule->type, i == CASTSSL_CHANNEL_SOCKET ? 0 : 4,
								   castssl_hba_channel_encryption(i)))
			box->channels |= 1 << i;
}

static int
compare_entries(const void *left, const void *right)
{
	const CastsslHbaEntry *a = left;
	const CastsslHbaEntry *b = right;
	int order = castssl_interval_compare(&a->box->block, &b->box->block);

	return order != 0 ? order : a->rule - b->rule;
}

static void
make_index(CastsslHbaRules *rules)
{
	rules->index = palloc((rules->nrules + 1) * sizeof(CastsslHbaEntry));
	for (int i = 0; i < rules->nrules; i++)
	{
		const CastsslHbaBox *box = &rules->boxes[i];

		if (box->channels != 0)
			rules->index[rules->nindex++] =
				(CastsslHbaEntry){ { box->names[0], box->names[1] }, i, -1, box };
	}
	qsort(rules->index, rules->nindex, sizeof(CastsslHbaEntry), compare_entries);
	for (int i = 0; i < rules->nindex; i++)
	{
		CastsslHbaEntry *entry = &rules->index[i];
		int outer = i - 1;

		while (outer >= 0 &&
			   !castssl_interval_covers(&rules->index[outer].box->block, &entry->box->block))
			outer = rules->index[outer].outer;
		entry->outer = outer;
	}
}

static void
read_policy(CastsslHbaRules *rules, const CastsslHbaPolicy *policy)
{
	static const CastsslHbaToken everything[] = { { "all" }, { "replication" } };
	static const CastsslHbaRule no_line = { .method = "reject",
											.address.kind = CASTSSL_HBA_ADDRESS_ALL,
											.databases = { everything, 2 },
											.users = { everything, 1 } };

	rules->version = policy->version;
	rules->nrules = policy->nrules;
	rules->boxes = palloc0((policy->nrules + 1) * sizeof(CastsslHbaBox));
	for (int i = 0; i < policy->nrules; i++)
	{
		read_rule(rules, &policy->rules[i], &rules->boxes[i]);
		for (int channel = 0; channel < CASTSSL_NCHANNELS; channel++)
			rules->space->alike[channel] &= (rules->boxes[i].channels >> channel & 1) != 0
												? rules->boxes[i].channels
												: ~rules->boxes[i].channels;
	}
	read_rule(rules, &no_line, &rules->boxes[policy->nrules]);
	rules->boxes[policy->nrules].channels = CASTSSL_CHANNELS_ALL;
	make_index(rules);
}

CastsslHbaSpace *
castssl_hba_space_create(const CastsslHbaWorld *world, const CastsslHbaPolicy *const *policies,
						 int n, CastsslHbaRules *rules)
{
	static const char *const stems[] = { "other_user",     "other_user",     "someone",   "x1",
										 "other_database", "other_database", "elsewhere", "y2" };
	CastsslHbaSpace *space = palloc0(sizeof(CastsslHbaSpace));

	if (world != NULL)
		space->world = *world;
	space->patience = CASTSSL_PATIENCE;
	memset(space->alike, CASTSSL_CHANNELS_ALL, sizeof(space->alike));
	space->numbers = castssl_words_create(64, NULL);
	for (int i = 0; i < n; i++)
	{
		rules[i] = (CastsslHbaRules){ .space = space };
		read_policy(&rules[i], policies[i]);
	}
	for (int i = 0; i < lengthof(stems); i++)
	{
		char **other = &space->others[i / 4][i % 4];

		*other = pstrdup(stems[i]);
		while (castssl_words_lookup(space->numbers, *other) != NULL)
			*other = psprintf("%s_", *other);
	}
	space->members = palloc0(space->nwords * sizeof(char *));
	return space;
}

/* The place in the index of the first block not before this one; after: and not inside it. */
static int
find_place(const CastsslHbaRules *rules, const CastsslInterval *block, bool after)
{
	int low = 0;
	int high = rules->nindex;

	while (low < high)
	{
		int middle = (low + high) / 2;

		const CastsslInterval *other = &rules->index[middle].box->block;

		if (castssl_interval_compare(other, block) < 0 ||
			(after && castssl_interval_covers(block, other)))
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void
castssl_hba_rules_find(const CastsslHbaRules *rules, const uint64 *names,
					   const CastsslInterval *interval, int limit, CastsslInts *found)
{
	CastsslInterval block = castssl_interval_block(interval);
	/* the blocks inside it stand together; outer leads from the entry before to those around it */
	int first = find_place(rules, &block, false);
	int last = find_place(rules, &block, true);

	castssl_let_interrupt();
	for (int i = last - 1; i >= 0;)
	{
		const CastsslHbaEntry *entry = &rules->index[i];

		if ((entry->names[0] & names[0]) != 0 && (entry->names[1] & names[1]) != 0 &&
			entry->rule < limit && castssl_interval_meets(&entry->box->interval, interval))
			castssl_ints_add(found, entry->rule);
		i = i > first ? i - 1 : entry->outer;
	}
}

static bool
same_keys(const CastsslInts *a, const CastsslInts *b)
{
	return a->count == b->count && memcmp(a->items, b->items, a->count * sizeof(int)) == 0;
}

static bool
takes_the_same(const CastsslHbaBox *a, const CastsslHbaBox *b)
{
	return a->channels == b->channels && same_keys(&a->keys[0], &b->keys[0]) &&
		   same_keys(&a->keys[1], &b->keys[1]) &&
		   castssl_interval_compare(&a->interval, &b->interval) == 0 &&
		   castssl_hba_address_equal(&a->rule.address, &b->rule.address);
}

int
castssl_hba_rules_twin(const CastsslHbaRules *rules, const CastsslHbaBox *box)
{
	int i = find_place(rules, &box->block, false);

	for (; i < rules->nindex; i++)
	{
		if (castssl_interval_compare(&rules->index[i].box->block, &box->block) != 0)
			break;
		if (takes_the_same(rules->index[i].box, box))
			return rules->index[i].rule;
	}
	return takes_the_same(&rules->boxes[rules->nrules], box) ? rules->nrules : INT_MAX;
}
