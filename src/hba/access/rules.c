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

#include "base/grow.h"
#include "hba/access/rules.h"

/* The lists. */
#define ALL 0
#define BROAD(of_database) (1 + (of_database))
#define NAMED(of_database, number) (3 + (of_database) + 2 * (number))

/* A rule in a list; they are in the order of lists, blocks and rules. */
typedef struct CastsslHbaEntry
{
	int list;
	int rule;
	int outer; /* the entry before it in whose block its own is; -1: none */
	const CastsslHbaBox *box;
} CastsslHbaEntry;

void
castssl_hba_channel(CastsslHbaChannel channel, CastsslConnection *connection)
{
	connection->family = channel == CASTSSL_CHANNEL_SOCKET ? 0 : 4;
	connection->encryption = channel == CASTSSL_CHANNEL_TLS   ? CASTSSL_TLS
							 : channel == CASTSSL_CHANNEL_GSS ? CASTSSL_GSS
															  : CASTSSL_PLAINTEXT;
}

static void
read_rule(CastsslHbaRules *rules, const CastsslHbaRule *rule, CastsslHbaBox *box)
{
	CastsslHbaNames *names = &rules->space->names;

	box->rule = *rule;
	if (rule->error != NULL)
		return;
	box->interval = castssl_interval_of(&rule->address);
	box->block = castssl_interval_block(&box->interval);
	if (rule->address.kind == CASTSSL_HBA_ADDRESS_MASK)
		box->rule.address.kind = CASTSSL_HBA_ADDRESS_ALL;
	box->databases = castssl_hba_keys(names, &rule->databases, true, rules->version);
	box->users = castssl_hba_keys(names, &rule->users, false, rules->version);
	for (int i = 0; i < CASTSSL_NCHANNELS && box->databases.count > 0 && box->users.count > 0; i++)
	{
		CastsslConnection connection;

		castssl_hba_channel(i, &connection);
		if (castssl_hba_type_takes(rule->type, connection.family, connection.encryption))
			box->channels |= 1 << i;
	}
	if ((box->channels & CASTSSL_CHANNELS_NETWORK) != 0 &&
		(box->channels & CASTSSL_CHANNELS_NETWORK) != CASTSSL_CHANNELS_NETWORK)
		rules->space->by_encryption = true;
}

static void
read_policy(CastsslHbaRules *rules, const CastsslHbaPolicy *policy)
{
	static const CastsslHbaToken everything[] = { { "all" }, { "replication" } };
	static const CastsslHbaRule no_line = { .address.kind = CASTSSL_HBA_ADDRESS_ALL,
											.databases = { everything, 2 },
											.users = { everything, 1 } };

	rules->version = policy->version;
	rules->nrules = policy->nrules;
	rules->boxes = palloc0((policy->nrules + 1) * sizeof(CastsslHbaBox));
	rules->seen = palloc0((policy->nrules + 1) * sizeof(int));
	for (int i = 0; i < policy->nrules; i++)
		read_rule(rules, &policy->rules[i], &rules->boxes[i]);
	read_rule(rules, &no_line, &rules->boxes[policy->nrules]);
	rules->boxes[policy->nrules].channels = CASTSSL_CHANNELS_ALL;
}

static void
enter(CastsslHbaRules *rules, int list, int rule)
{
	CASTSSL_GROW(rules->entries, rules->nentries, rules->capacity);
	rules->entries[rules->nentries++] = (CastsslHbaEntry){ list, rule, -1, &rules->boxes[rule] };
}

static void
enter_keys(CastsslHbaRules *rules, int rule, const CastsslInts *keys, bool of_database)
{
	bool broad = false;

	for (int i = 0; i < keys->count; i++)
		if (CASTSSL_KEY_KIND(keys->items[i]) != CASTSSL_WORD_NAME)
			broad = true;
		else
			enter(rules, NAMED(of_database, CASTSSL_KEY_NUMBER(keys->items[i])), rule);
	if (broad)
		enter(rules, BROAD(of_database), rule);
}

static int
compare_entries(const void *left, const void *right)
{
	const CastsslHbaEntry *a = left;
	const CastsslHbaEntry *b = right;
	int order = a->list - b->list;

	if (order == 0)
		order = castssl_interval_compare(&a->box->block, &b->box->block);
	return order != 0 ? order : a->rule - b->rule;
}

static void
make_index(CastsslHbaRules *rules)
{
	int nlists = NAMED(0, rules->space->names.count);
	int outer = -1;

	for (int i = 0; i < rules->nrules; i++)
		if (rules->boxes[i].channels != 0)
		{
			enter(rules, ALL, i);
			enter_keys(rules, i, &rules->boxes[i].users, false);
			enter_keys(rules, i, &rules->boxes[i].databases, true);
		}
	if (rules->nentries > 0)
		qsort(rules->entries, rules->nentries, sizeof(CastsslHbaEntry), compare_entries);
	rules->starts = palloc((nlists + 1) * sizeof(int));
	for (int list = nlists, i = rules->nentries; list >= 0; list--)
	{
		while (i > 0 && rules->entries[i - 1].list >= list)
			i--;
		rules->starts[list] = i;
	}
	for (int i = 0; i < rules->nentries; outer = i++)
	{
		CastsslHbaEntry *entry = &rules->entries[i];

		while (outer >= 0 &&
			   (rules->entries[outer].list != entry->list ||
				!castssl_interval_covers(&rules->entries[outer].box->block, &entry->box->block)))
			outer = rules->entries[outer].outer;
		entry->outer = outer;
	}
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
	for (int i = 0; i < n; i++)
	{
		rules[i] = (CastsslHbaRules){ .space = space };
		read_policy(&rules[i], policies[i]);
	}
	for (int i = 0; i < lengthof(stems); i++)
		space->others[i / 4][i % 4] = castssl_hba_unmentioned(&space->names, stems[i]);
	space->members = palloc0(space->names.count * sizeof(char *));
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
		const CastsslInterval *other = &rules->entries[middle].box->block;

		if (inside ? castssl_interval_covers(block, other)
				   : castssl_interval_compare(other, block) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void
find_in(CastsslHbaRules *rules, int list, const CastsslInterval *interval, int limit)
{
	CastsslInterval block = castssl_interval_block(interval);
	int start = rules->starts[list];
	int end = rules->starts[list + 1];
	/* those that are in the block stand together; those that it is in hang behind the one before */
	int first = find_place(rules, &block, false, start, end);
	int last = find_place(rules, &block, true, first, end);

	for (int i = last > start ? last - 1 : -1; i >= 0;)
	{
		const CastsslHbaEntry *entry = &rules->entries[i];

		if (entry->rule < limit && castssl_interval_meets(&entry->box->interval, interval) &&
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
	int list = BROAD(of_database);
	int count = rules->starts[list + 1] - rules->starts[list];

	for (int i = 0; i < keys->count; i++)
	{
		if (CASTSSL_KEY_KIND(keys->items[i]) != CASTSSL_WORD_NAME)
			return INT_MAX;
		list = NAMED(of_database, CASTSSL_KEY_NUMBER(keys->items[i]));
		count += rules->starts[list + 1] - rules->starts[list];
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
		find_in(rules, NAMED(of_database, CASTSSL_KEY_NUMBER(keys->items[i])), interval, limit);
	find_in(rules, BROAD(of_database), interval, limit);
}

CastsslAnswer
castssl_hba_space_member(CastsslHbaSpace *space, int role, int group)
{
	const CastsslHbaWorld *world = &space->world;
	char **members = &space->members[CASTSSL_KEY_NUMBER(group)];

	if (*members == NULL)
	{
		*members = palloc(Max(1, world->nroles));
		castssl_hba_patience_step(&space->patience, world->nroles);
		for (int i = 0; i < world->nroles; i++)
			(*members)[i] = world->member == NULL
								? CASTSSL_UNKNOWN
								: world->member(world->arg, world->roles[i],
												castssl_hba_key_name(&space->names, group));
	}
	return (*members)[role];
}
