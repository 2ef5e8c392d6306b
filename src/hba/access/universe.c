/*
 * universe.c
 *		Rules in the form that dead.c and compare.c calculate with.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <arpa/inet.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "hba/access/trie.h"
#include "hba/access/universe.h"

#define PREDICATE_SAMEHOST "samehost"
#define PREDICATE_SAMENET "samenet"
#define PREDICATE_HOST "host:" /* and the name, in lower case */
#define PREDICATE_MASK "mask:" /* and network and mask */

CastsslHbaUniverse *
castssl_hba_universe_create(const CastsslHbaWorld *world)
{
	CastsslHbaUniverse *universe = palloc0(sizeof(CastsslHbaUniverse));

	universe->world = world;
	return universe;
}

int
castssl_hba_universe_name(CastsslHbaUniverse *universe, const char *name, bool add)
{
	uint64 hash = castssl_hash_bytes(0, name, strlen(name));
	int head = castssl_table_get(&universe->by_hash, hash);

	for (int i = head; i != CASTSSL_ABSENT; i = universe->next_name[i])
		if (strcmp(universe->names[i], name) == 0)
			return i;
	if (!add)
		return CASTSSL_ABSENT;
	if (universe->nnames == universe->name_capacity)
	{
		int capacity = universe->name_capacity * 2;

		if (capacity == 0)
		{
			capacity = 64;
			universe->names = palloc(capacity * sizeof(char *));
			universe->next_name = palloc(capacity * sizeof(int));
		}
		else
		{
			universe->names = repalloc(universe->names, capacity * sizeof(char *));
			universe->next_name = repalloc(universe->next_name, capacity * sizeof(int));
		}
		universe->name_capacity = capacity;
	}
	universe->names[universe->nnames] = name;
	universe->next_name[universe->nnames] = head;
	*castssl_table_place(&universe->by_hash, hash) = universe->nnames;
	return universe->nnames++;
}

/* The key of a name, or -1: no connection has an empty user or database name. */
static int
name_key(CastsslHbaUniverse *universe, CastsslHbaKeyKind kind, const char *name)
{
	if (name[0] == '\0' && kind == CASTSSL_KEY_NAME)
		return -1;
	return CASTSSL_KEY(kind, castssl_hba_universe_name(universe, name, true));
}

static int
user_key(CastsslHbaUniverse *universe, const CastsslHbaToken *token, int version)
{
	if (castssl_hba_is_group(token))
		return name_key(universe, CASTSSL_KEY_GROUP, token->string + 1);
	if (castssl_hba_is_keyword(token, "all"))
		return CASTSSL_KEY(CASTSSL_KEY_ALL, 0);
	if (castssl_hba_is_regexp(token, version))
		return name_key(universe, CASTSSL_KEY_REGEXP, token->string + 1);
	return name_key(universe, CASTSSL_KEY_NAME, token->string);
}

static int
database_key(CastsslHbaUniverse *universe, const CastsslHbaToken *token, int version)
{
	if (castssl_hba_is_keyword(token, "all"))
		return CASTSSL_KEY(CASTSSL_KEY_ALL, 0);
	if (castssl_hba_is_keyword(token, "sameuser"))
		return CASTSSL_KEY(CASTSSL_KEY_SAMEUSER, 0);
	if (castssl_hba_is_keyword(token, "samerole") || castssl_hba_is_keyword(token, "samegroup"))
		return CASTSSL_KEY(CASTSSL_KEY_SAMEROLE, 0);
	if (castssl_hba_is_keyword(token, "replication"))
		return CASTSSL_KEY(CASTSSL_KEY_REPLICATION, 0);
	if (castssl_hba_is_regexp(token, version))
		return name_key(universe, CASTSSL_KEY_REGEXP, token->string + 1);
	return name_key(universe, CASTSSL_KEY_NAME, token->string);
}

/*
 * What the boxes are made with.  Nearly all have one key of each kind and one
 * block: those lie side by side, and are shared with the box before where they are
 * the same.
 */
typedef struct Builder
{
	CastsslHbaUniverse *universe;
	CastsslArena arena;
	CastsslInts databases;
	CastsslInts users;
	CastsslPrefixes prefixes;
} Builder;

static int *
keep_keys(Builder *builder, const CastsslInts *keys, int *before, int nbefore)
{
	size_t size = keys->count * sizeof(int);

	/* none at all may be NULL, which memcmp does not take */
	if (keys->count == nbefore && (size == 0 || memcmp(keys->items, before, size) == 0))
		return before;
	return memcpy(castssl_arena_alloc(&builder->arena, size), keys->items, size);
}

/* Sort keys, each once; beside all only replication says something more. */
static void
tidy_keys(CastsslInts *keys)
{
	castssl_ints_unique(keys);
	if (keys->count > 1 && keys->items[0] == CASTSSL_KEY(CASTSSL_KEY_ALL, 0))
	{
		int replication = CASTSSL_KEY(CASTSSL_KEY_REPLICATION, 0);
		bool too = false;

		for (int i = 1; i < keys->count; i++)
			too = too || keys->items[i] == replication;
		keys->count = 1;
		if (too)
			castssl_ints_add(keys, replication);
	}
}

/* "mask:10.0.0.1/255.0.0.255" */
static char *
mask_name(const CastsslHbaAddress *address)
{
	int family = address->family == 4 ? AF_INET : AF_INET6;
	uint8 bytes[16];
	char network[64];
	char mask[64];

	for (int i = 0; i < 16; i++)
		bytes[i] = address->address[i] & address->mask[i];
	inet_ntop(family, bytes, network, sizeof(network));
	inet_ntop(family, address->mask, mask, sizeof(mask));
	return psprintf("%s%s/%s", PREDICATE_MASK, network, mask);
}

/* The name of what the address field asks, if blocks cannot say it; else NULL. */
static char *
predicate_name(const CastsslHbaAddress *address)
{
	switch (address->kind)
	{
		case CASTSSL_HBA_ADDRESS_SAMEHOST:
			return pstrdup(PREDICATE_SAMEHOST);
		case CASTSSL_HBA_ADDRESS_SAMENET:
			return pstrdup(PREDICATE_SAMENET);
		case CASTSSL_HBA_ADDRESS_NAME:
		{
			char *name = psprintf("%s%s", PREDICATE_HOST, address->name);

			for (char *c = name; *c != '\0'; c++)
				*c = pg_tolower((unsigned char) *c);
			return name;
		}
		default:
			return mask_name(address);
	}
}

static void
read_address(Builder *builder, const CastsslHbaRule *rule, CastsslHbaBox *box)
{
	static const CastsslHbaAddress all = { CASTSSL_HBA_ADDRESS_ALL };
	const CastsslHbaAddress *address = &rule->address;
	CastsslPrefixes *prefixes = &builder->prefixes;
	size_t size;

	prefixes->count = 0;
	box->predicate = CASTSSL_NO_PREDICATE;
	if (rule->type == CASTSSL_HBA_LOCAL)
		address = &all;
	if ((address->kind != CASTSSL_HBA_ADDRESS_ALL && address->kind != CASTSSL_HBA_ADDRESS_MASK) ||
		!castssl_prefixes_add_address(prefixes, address))
	{
		int bits = 0;

		box->predicate =
			castssl_hba_universe_name(builder->universe, predicate_name(address), true);
		if (address->kind == CASTSSL_HBA_ADDRESS_MASK)
		{
			/* before its first hole a mask is as good as any other */
			while ((address->mask[bits / 8] >> (7 - bits % 8) & 1) != 0)
				bits++;
			castssl_prefixes_add(prefixes,
								 castssl_prefix_make(address->family, address->address, bits));
		}
		else
			castssl_prefixes_add_address(prefixes, &all);
	}
	castssl_prefixes_join(prefixes);
	size = prefixes->count * sizeof(CastsslPrefix);
	box->prefixes = memcpy(castssl_arena_alloc(&builder->arena, size), prefixes->items, size);
	box->nprefixes = prefixes->count;
}

static uint8
channels_of(const CastsslHbaRule *rule)
{
	uint8 channels = 0;

	for (int i = 0; i < CASTSSL_NCHANNELS; i++)
		if (castssl_hba_type_takes(rule->type, i == CASTSSL_CHANNEL_SOCKET ? 0 : 4,
								   castssl_hba_channel_encryption(i)))
			channels |= 1 << i;
	return channels;
}

static uint64
hash_box(const CastsslHbaBox *box)
{
	uint64 hash = castssl_hash_bytes(0, box->databases, box->ndatabases * sizeof(int));

	hash = castssl_hash_bytes(hash, box->users, box->nusers * sizeof(int));
	for (int i = 0; i < box->nprefixes; i++)
	{
		const CastsslPrefix *prefix = &box->prefixes[i];
		uint64 words[3] = { prefix->high, prefix->low, prefix->length * 2 + prefix->six };

		hash = castssl_hash_bytes(hash, words, sizeof(words));
	}
	return castssl_hash_bytes(hash, &box->predicate, sizeof(int));
}

/* The keys of a rule; false if no connection can have one of each. */
static bool
read_keys(Builder *builder, const CastsslHbaRule *rule, int version)
{
	builder->databases.count = builder->users.count = 0;
	for (int j = 0; j < rule->databases.count; j++)
	{
		int key = database_key(builder->universe, &rule->databases.items[j], version);

		if (key >= 0)
			castssl_ints_add(&builder->databases, key);
	}
	for (int j = 0; j < rule->users.count; j++)
	{
		int key = user_key(builder->universe, &rule->users.items[j], version);

		if (key >= 0)
			castssl_ints_add(&builder->users, key);
	}
	if (builder->databases.count == 0 || builder->users.count == 0)
		return false;
	tidy_keys(&builder->databases);
	tidy_keys(&builder->users);
	return true;
}

CastsslHbaBox *
castssl_hba_boxes(CastsslHbaUniverse *universe, const CastsslHbaPolicy *policy)
{
	static const CastsslHbaBox none = { 0 };
	CastsslHbaBox *boxes = palloc0(Max(1, policy->nrules) * sizeof(CastsslHbaBox));
	const CastsslHbaBox *before = &none;
	Builder builder = { .universe = universe };

	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];
		CastsslHbaBox *box = &boxes[i];

		box->rule = i;
		if (rule->error != NULL || !read_keys(&builder, rule, policy->version))
			continue;
		box->databases =
			keep_keys(&builder, &builder.databases, before->databases, before->ndatabases);
		box->ndatabases = builder.databases.count;
		box->users = keep_keys(&builder, &builder.users, before->users, before->nusers);
		box->nusers = builder.users.count;
		box->channels = channels_of(rule);
		read_address(&builder, rule, box);
		box->hash = hash_box(box);
		before = box;
	}
	return boxes;
}

CastsslHbaBox
castssl_hba_box_of_all(void)
{
	static int databases[] = { CASTSSL_KEY(CASTSSL_KEY_ALL, 0),
							   CASTSSL_KEY(CASTSSL_KEY_REPLICATION, 0) };
	static int users[] = { CASTSSL_KEY(CASTSSL_KEY_ALL, 0) };
	static CastsslPrefix everywhere[1];
	CastsslHbaBox box = { 0 };

	box.rule = -1;
	box.channels = (1 << CASTSSL_NCHANNELS) - 1;
	box.databases = databases;
	box.ndatabases = lengthof(databases);
	box.users = users;
	box.nusers = lengthof(users);
	box.prefixes = everywhere;
	box.nprefixes = 1;
	box.predicate = CASTSSL_NO_PREDICATE;
	box.hash = hash_box(&box);
	return box;
}

int
castssl_hba_implied_predicates(CastsslHbaUniverse *universe, int predicate, int *implied, int max)
{
	const char *name = universe->names[predicate];
	int count = 0;

	if (strcmp(name, PREDICATE_SAMEHOST) == 0)
	{
		/* an address of this host is in a network of this host */
		implied[0] = castssl_hba_universe_name(universe, PREDICATE_SAMENET, false);
		return implied[0] == CASTSSL_ABSENT ? 0 : 1;
	}
	if (strncmp(name, PREDICATE_HOST, strlen(PREDICATE_HOST)) != 0)
		return 0;

	/* the server compares a pattern that begins with a dot with the end of the host's name */
	for (const char *dot = strchr(name + strlen(PREDICATE_HOST) + 1, '.');
		 dot != NULL && count < max; dot = strchr(dot + 1, '.'))
	{
		char *suffix = psprintf("%s%s", PREDICATE_HOST, dot);

		implied[count] = castssl_hba_universe_name(universe, suffix, false);
		if (implied[count] != CASTSSL_ABSENT)
			count++;
		pfree(suffix);
	}
	return count;
}

static bool
predicate_implies(CastsslHbaUniverse *universe, int predicate, int that)
{
	int implied[16];
	int nimplied;

	if (predicate == that)
		return true;
	if (predicate == CASTSSL_NO_PREDICATE)
		return false;
	nimplied = castssl_hba_implied_predicates(universe, predicate, implied, lengthof(implied));
	for (int i = 0; i < nimplied; i++)
		if (implied[i] == that)
			return true;
	return false;
}

/* Is every inner key one of the outer ones, or included in all? */
static bool
keys_cover(const int *outer, int nouter, const int *inner, int ninner)
{
	int j = 0;

	for (int i = 0; i < ninner; i++)
	{
		if (outer[0] == CASTSSL_KEY(CASTSSL_KEY_ALL, 0) &&
			CASTSSL_KEY_KIND(inner[i]) != CASTSSL_KEY_REPLICATION)
			continue;
		while (j < nouter && outer[j] < inner[i])
			j++;
		if (j == nouter || outer[j] != inner[i])
			return false;
	}
	return true;
}

bool
castssl_hba_box_covers(CastsslHbaUniverse *universe, const CastsslHbaBox *outer,
					   const CastsslHbaBox *inner)
{
	if (!keys_cover(outer->databases, outer->ndatabases, inner->databases, inner->ndatabases) ||
		!keys_cover(outer->users, outer->nusers, inner->users, inner->nusers))
		return false;
	if (outer->predicate != CASTSSL_NO_PREDICATE)
		return predicate_implies(universe, inner->predicate, outer->predicate);
	for (int i = 0; i < inner->nprefixes; i++)
	{
		bool contained = false;

		for (int j = 0; j < outer->nprefixes && !contained; j++)
			contained = castssl_prefix_contains(&outer->prefixes[j], &inner->prefixes[i]);
		if (!contained)
			return false;
	}
	return true;
}

bool
castssl_hba_box_equal(const CastsslHbaBox *a, const CastsslHbaBox *b)
{
	if (a->hash != b->hash || a->ndatabases != b->ndatabases || a->nusers != b->nusers ||
		a->nprefixes != b->nprefixes || a->predicate != b->predicate)
		return false;
	if (memcmp(a->databases, b->databases, a->ndatabases * sizeof(int)) != 0 ||
		memcmp(a->users, b->users, a->nusers * sizeof(int)) != 0)
		return false; /* LCOV_EXCL_LINE: needs hashes that collide */
	for (int i = 0; i < a->nprefixes; i++)
		if (a->prefixes[i].length != b->prefixes[i].length ||
			castssl_prefix_common(&a->prefixes[i], &b->prefixes[i]) != a->prefixes[i].length)
			return false; /* LCOV_EXCL_LINE: as above */
	return true;
}

CastsslAnswer
castssl_hba_ask_member(const CastsslHbaUniverse *universe, const char *user, const char *role)
{
	const CastsslHbaWorld *world = universe->world;

	if (world == NULL || world->member == NULL || user == NULL || role == NULL)
		return CASTSSL_UNKNOWN;
	return world->member(world->arg, user, role);
}

CastsslAnswer
castssl_hba_ask_regexp(const CastsslHbaUniverse *universe, const char *pattern, const char *string)
{
	const CastsslHbaWorld *world = universe->world;

	if (world == NULL || world->regexp == NULL || string == NULL)
		return CASTSSL_UNKNOWN;
	return world->regexp(world->arg, pattern, string);
}

CastsslEncryption
castssl_hba_channel_encryption(CastsslHbaChannel channel)
{
	if (channel == CASTSSL_CHANNEL_TLS)
		return CASTSSL_TLS;
	return channel == CASTSSL_CHANNEL_GSS ? CASTSSL_GSS : CASTSSL_PLAINTEXT;
}
