/*
 * rules.c
 *		The rules of a policy, made ready to be looked at: keys, intervals, and an index.
 *
 * The index has a list of rules for each user that a rule names, one of the rules
 * that may take others, the same for databases, and one of all rules.  In a list each
 * block stands right before those that it has in it, and knows the smallest one that
 * it is in.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <limits.h>

#include "lib/stringinfo.h"

#include "base/grow.h"
#include "hba/access/rules.h"

/* The lists. */
#define ALL 0
#define BROAD(of_database) (1 + (of_database))
#define NAMED(of_database, number) (3 + (of_database) + 2 * (number))

/* A rule in a list; they are in the order of lists, blocks and rules. */
typedef struct CastsslHbaEntry
{
	int bucket;
	int rule;
	int outer; /* the entry before it in whose block its own is; -1: none */
	CastsslInterval interval;
} CastsslHbaEntry;

/* The keys of a list; what they say is put behind the text. */
static CastsslInts
read_keys(CastsslHbaSpace *space, const CastsslHbaTokens *tokens, bool of_database, int version,
		  StringInfo text)
{
	CastsslInts keys = { 0 };

	castssl_hba_keys(&space->names, tokens, of_database, version, &keys);
	for (int i = 0; i < keys.count; i++)
	{
		for (int key = keys.items[i]; key > 0; key >>= 6)
			appendStringInfoChar(text, (char) ('0' + (key & 63)));
		appendStringInfoChar(text, ' ');
	}
	appendStringInfoChar(text, '|');
	return keys;
}

static void
read_rule(CastsslHbaRules *rules, const CastsslHbaRule *rule, StringInfo text, CastsslHbaBox *box)
{
	CastsslHbaNames *kinds = &rules->space->kinds;
	CastsslHbaAddressKind kind = rule->address.kind;

	box->rule = *rule;
	if (rule->error != NULL)
		return;
	box->interval = castssl_interval_of(&rule->address);
	box->block = castssl_interval_block(&box->interval);
	box->by_word = kind == CASTSSL_HBA_ADDRESS_SAMEHOST || kind == CASTSSL_HBA_ADDRESS_SAMENET ||
				   kind == CASTSSL_HBA_ADDRESS_NAME;
	if (!box->by_word)
		box->rule.address.kind = CASTSSL_HBA_ADDRESS_ALL;
	resetStringInfo(text);
	appendStringInfoChar(text, (char) ('0' + rule->type));
	appendStringInfoChar(text, (char) ('0' + box->rule.address.kind));
	box->databases = read_keys(rules->space, &rule->databases, true, rules->policy->version, text);
	box->users = read_keys(rules->space, &rule->users, false, rules->policy->version, text);
	for (const char *c = rule->address.name; c != NULL && *c != '\0'; c++)
		appendStringInfoChar(text, pg_tolower((unsigned char) *c));
	box->kind = castssl_hba_names_number(kinds, text->data, false);
	if (box->kind < 0)
		box->kind = castssl_hba_names_number(kinds, pstrdup(text->data), true);
	for (int i = 0; i < CASTSSL_NCHANNELS && box->databases.count > 0 && box->users.count > 0; i++)
		if (castssl_hba_type_takes(rule->type, i == CASTSSL_CHANNEL_SOCKET ? 0 : 4,
								   CASTSSL_ENCRYPTION(i)))
			box->channels |= 1 << i;
	if ((box->channels & CASTSSL_CHANNELS_NETWORK) != 0 &&
		(box->channels & CASTSSL_CHANNELS_NETWORK) != CASTSSL_CHANNELS_NETWORK)
		rules->space->by_encryption = true;
}

static void
read_policy(CastsslHbaRules *rules, const CastsslHbaPolicy *policy)
{
	static const CastsslHbaToken everything[] = { { "all" }, { "replication" } };
	CastsslHbaRule no_line = { .address.kind = CASTSSL_HBA_ADDRESS_ALL,
							   .databases = { everything, 2 },
							   .users = { everything, 1 } };
	StringInfoData text;

	rules->policy = policy;
	rules->nrules = policy->nrules;
	rules->boxes = palloc0((policy->nrules + 1) * sizeof(CastsslHbaBox));
	rules->seen = palloc0((policy->nrules + 1) * sizeof(int));
	initStringInfo(&text);
	for (int i = 0; i <= policy->nrules; i++)
		read_rule(rules, i < policy->nrules ? &policy->rules[i] : &no_line, &text,
				  &rules->boxes[i]);
	rules->boxes[policy->nrules].channels = (1 << CASTSSL_NCHANNELS) - 1;
	pfree(text.data);
}

static void
enter(CastsslHbaRules *rules, int bucket, int rule)
{
	CASTSSL_GROW(rules->entries, rules->nentries, rules->capacity);
	rules->entries[rules->nentries++] =
		(CastsslHbaEntry){ bucket, rule, -1, rules->boxes[rule].block };
}

static void
enter_keys(CastsslHbaRules *rules, int rule, const CastsslInts *keys, bool of_database)
{
	bool broad = false;

	for (int i = 0; i < keys->count; i++)
		if (CASTSSL_KEY_KIND(keys->items[i]) != CASTSSL_KEY_NAME)
			broad = true;
		else
			enter(rules, NAMED(of_database, CASTSSL_KEY_NAME_OF(keys->items[i])), rule);
	if (broad)
		enter(rules, BROAD(of_database), rule);
}

static int
compare_entries(const void *left, const void *right)
{
	const CastsslHbaEntry *a = *(const CastsslHbaEntry *const *) left;
	const CastsslHbaEntry *b = *(const CastsslHbaEntry *const *) right;
	int order = a->bucket - b->bucket;

	if (order == 0)
		order = castssl_interval_compare(&a->interval, &b->interval);
	return order != 0 ? order : a->rule - b->rule;
}

static void
make_index(CastsslHbaRules *rules)
{
	int nbuckets = NAMED(0, rules->space->names.count);
	int outer = -1;
	CastsslHbaEntry **order;
	CastsslHbaEntry *sorted;

	rules->starts = palloc0((nbuckets + 1) * sizeof(int));
	for (int i = 0; i < rules->nrules; i++)
		if (rules->boxes[i].channels != 0)
		{
			enter(rules, ALL, i);
			enter_keys(rules, i, &rules->boxes[i].users, false);
			enter_keys(rules, i, &rules->boxes[i].databases, true);
		}
	if (rules->nentries == 0)
		return;
	order = palloc(rules->nentries * sizeof(CastsslHbaEntry *));
	sorted = palloc(rules->nentries * sizeof(CastsslHbaEntry));
	for (int i = 0; i < rules->nentries; i++)
		order[i] = &rules->entries[i];
	qsort(order, rules->nentries, sizeof(CastsslHbaEntry *), compare_entries);
	for (int i = 0; i < rules->nentries; i++)
		sorted[i] = *order[i];
	pfree(order);
	pfree(rules->entries);
	rules->entries = sorted;
	for (int i = 0; i < rules->nentries; i++)
		rules->starts[rules->entries[i].bucket + 1] = i + 1;
	for (int i = 0; i < nbuckets; i++)
		rules->starts[i + 1] = Max(rules->starts[i + 1], rules->starts[i]);
	for (int i = 0; i < rules->nentries; outer = i++)
	{
		const CastsslHbaEntry *entry = &rules->entries[i];

		while (outer >= 0 &&
			   (rules->entries[outer].bucket != entry->bucket ||
				!castssl_interval_covers(&rules->entries[outer].interval, &entry->interval)))
			outer = rules->entries[outer].outer;
		rules->entries[i].outer = outer;
	}
	for (int i = 0; i < rules->nentries; i++)
		rules->entries[i].interval = rules->boxes[rules->entries[i].rule].interval;
}

CastsslHbaSpace *
castssl_hba_space_create(const CastsslHbaWorld *world, const CastsslHbaPolicy *const *policies,
						 int n, CastsslHbaRules *rules)
{
	static const CastsslHbaWorld unknown = { 0 };
	CastsslHbaSpace *space = palloc0(sizeof(CastsslHbaSpace));

	space->world = world != NULL ? world : &unknown;
	space->patience = (CastsslHbaPatience){ CASTSSL_PATIENCE };
	for (int i = 0; i < n; i++)
	{
		rules[i] = (CastsslHbaRules){ .space = space };
		read_policy(&rules[i], policies[i]);
	}
	space->other_user = castssl_hba_unmentioned(&space->names, "other_user");
	space->other_database = castssl_hba_unmentioned(&space->names, "other_database");
	space->answers = palloc0(space->kinds.count * sizeof(int));
	space->members = palloc0(Max(1, space->names.count) * sizeof(CastsslAnswer *));
	for (int i = 0; i < n; i++)
		make_index(&rules[i]);
	return space;
}

/* The first entry from low on that is not before a block; inside: nor in it. */
static int
find_place(const CastsslHbaRules *rules, const CastsslInterval *block, bool inside, int low,
		   int high)
{
	while (low < high)
	{
		int middle = (low + high) / 2;
		const CastsslInterval *other = &rules->boxes[rules->entries[middle].rule].block;

		if (inside ? castssl_interval_covers(block, other)
				   : castssl_interval_compare(other, block) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
find_in(CastsslHbaRules *rules, int bucket, const CastsslInterval *interval, int limit)
{
	CastsslInterval block = castssl_interval_block(interval);
	int start = rules->starts[bucket];
	int end = rules->starts[bucket + 1];
	/* those that are in the block stand together; those that it is in hang behind the one before */
	int first = find_place(rules, &block, false, start, end);
	int last = find_place(rules, &block, true, first, end);

	for (int i = last > start ? last - 1 : -1; i >= 0;)
	{
		const CastsslHbaEntry *entry = &rules->entries[i];

		if (entry->rule < limit && castssl_interval_meets(&entry->interval, interval) &&
			rules->seen[entry->rule] != rules->search)
		{
			rules->seen[entry->rule] = rules->search;
			castssl_ints_add(&rules->found, entry->rule);
		}
		i = i > first ? i - 1 : entry->outer;
	}
	castssl_hba_patience_step(&rules->space->patience, last - first + 1);
}

/* How many rules the lists of these keys have; more than all where no lists would do. */
static int
count_keys(const CastsslHbaRules *rules, const CastsslInts *keys, bool of_database)
{
	int bucket = BROAD(of_database);
	int count = rules->starts[bucket + 1] - rules->starts[bucket];

	for (int i = 0; i < keys->count; i++)
	{
		if (CASTSSL_KEY_KIND(keys->items[i]) != CASTSSL_KEY_NAME)
			return INT_MAX;
		bucket = NAMED(of_database, CASTSSL_KEY_NAME_OF(keys->items[i]));
		count += rules->starts[bucket + 1] - rules->starts[bucket];
	}
	return count;
}

void
castssl_hba_rules_find(CastsslHbaRules *rules, const CastsslInts *users,
					   const CastsslInts *databases, const CastsslInterval *interval, int limit)
{
	int by_user = count_keys(rules, users, false);
	int by_database = count_keys(rules, databases, true);
	bool of_database = by_database < by_user;
	const CastsslInts *keys = of_database ? databases : users;

	rules->search++;
	rules->found.count = 0;
	if (Min(by_user, by_database) > rules->starts[ALL + 1])
	{
		find_in(rules, ALL, interval, limit);
		return;
	}
	for (int i = 0; i < keys->count; i++)
		find_in(rules, NAMED(of_database, CASTSSL_KEY_NAME_OF(keys->items[i])), interval, limit);
	find_in(rules, BROAD(of_database), interval, limit);
}

CastsslAnswer
castssl_hba_space_member(CastsslHbaSpace *space, int role, int group)
{
	const CastsslHbaWorld *world = space->world;

	if (space->members[group] == NULL)
	{
		space->members[group] = palloc(Max(1, world->nroles) * sizeof(CastsslAnswer));
		castssl_hba_patience_step(&space->patience, world->nroles);
		for (int i = 0; i < world->nroles; i++)
			space->members[group][i] =
				world->member == NULL
					? CASTSSL_UNKNOWN
					: world->member(world->arg, world->roles[i], space->names.items[group]);
	}
	return space->members[group][role];
}
