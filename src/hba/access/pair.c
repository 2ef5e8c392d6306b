/*
 * pair.c
 *		The rows for one pair of rules: this one answered before, that one answers after.
 *
 * Both rules' tokens are paired to classes; a class for which the earlier rules
 * of both policies leave some addresses, and for which there is a witness, is a
 * row.  Rows that differ in one column only are then joined.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

#include "hba/access/pair.h"

/* More blocks than a person reads: then the row shows the blocks of the lines. */
#define MAX_BLOCKS 8

/* Two keys, one of each rule, that can be true together; often one and the same. */
typedef struct KeyPair
{
	int x;
	int y;
} KeyPair;

typedef struct KeyPairs
{
	KeyPair *items;
	int count;
	int capacity;
} KeyPairs;

static void
add_pair(KeyPairs *pairs, int x, int y)
{
	if (pairs->count == pairs->capacity)
	{
		int capacity = Max(4, pairs->capacity * 2);

		if (pairs->items == NULL)
			pairs->items = palloc(capacity * sizeof(KeyPair));
		else
			pairs->items = repalloc(pairs->items, capacity * sizeof(KeyPair));
		pairs->capacity = capacity;
	}
	pairs->items[pairs->count].x = x;
	pairs->items[pairs->count++].y = y;
}

/*
 * Can keys that are not equal, and not both names, be true together?  (What the names
 * say is seen later.)
 */
static bool
can_meet(int x, int y)
{
	CastsslHbaKeyKind a = CASTSSL_KEY_KIND(x);
	CastsslHbaKeyKind b = CASTSSL_KEY_KIND(y);

	return a != CASTSSL_KEY_REPLICATION && b != CASTSSL_KEY_REPLICATION;
}

/*
 * Pair two sorted lists of keys.  A key that both have stands for all in which it
 * takes part, so the others are paired only among themselves.
 */
static KeyPairs
pair_keys(const int *x, int nx, const int *y, int ny)
{
	KeyPairs pairs = { 0 };
	CastsslInts only_x = { 0 };
	CastsslInts only_y = { 0 };
	CastsslInts broad_y = { 0 };
	int i = 0;
	int j = 0;

	while (i < nx || j < ny)
	{
		if (j == ny || (i < nx && x[i] < y[j]))
			castssl_ints_add(&only_x, x[i++]);
		else if (i == nx || y[j] < x[i])
		{
			if (CASTSSL_KEY_KIND(y[j]) != CASTSSL_KEY_NAME)
				castssl_ints_add(&broad_y, y[j]);
			castssl_ints_add(&only_y, y[j++]);
		}
		else
		{
			add_pair(&pairs, x[i++], y[j]);
			j++;
		}
	}
	for (i = 0; i < only_x.count; i++)
	{
		bool named = CASTSSL_KEY_KIND(only_x.items[i]) == CASTSSL_KEY_NAME;
		const CastsslInts *others = named ? &broad_y : &only_y;

		for (j = 0; j < others->count; j++)
			if (can_meet(only_x.items[i], others->items[j]))
				add_pair(&pairs, only_x.items[i], others->items[j]);
	}
	return pairs;
}

/* A name as it would stand in the file: quoted where it would mean something else. */
static char *
quote_name(const char *name)
{
	static const char *const keywords[] = { "all", "sameuser", "samerole", "samegroup",
											"replication" };
	bool plain =
		name[0] != '\0' && strpbrk(name, " \t,\"#") == NULL && strchr("+/@", name[0]) == NULL;

	for (int i = 0; i < lengthof(keywords); i++)
		plain = plain && strcmp(name, keywords[i]) != 0;
	return plain ? pstrdup(name) : psprintf("\"%s\"", name);
}

static char *
key_text(const CastsslHbaUniverse *universe, int key)
{
	const char *name = universe->names[CASTSSL_KEY_NAME_OF(key)];

	switch (CASTSSL_KEY_KIND(key))
	{
		case CASTSSL_KEY_ALL:
			return pstrdup("all");
		case CASTSSL_KEY_GROUP:
			return psprintf("+%s", name);
		case CASTSSL_KEY_REGEXP:
			return psprintf("/%s", name);
		case CASTSSL_KEY_SAMEUSER:
			return pstrdup("sameuser");
		case CASTSSL_KEY_SAMEROLE:
			return pstrdup("samerole");
			/* LCOV_EXCL_START: of these the class has the name */
		case CASTSSL_KEY_NAME:
		case CASTSSL_KEY_REPLICATION:
			break;
	}
	return pstrdup("");
	/* LCOV_EXCL_STOP */
}

static char *
pair_text(const CastsslHbaUniverse *universe, KeyPair pair, const char *name)
{
	int all = CASTSSL_KEY(CASTSSL_KEY_ALL, 0);

	if (name != NULL)
		return quote_name(name);
	if (pair.x == pair.y || pair.y == all)
		return key_text(universe, pair.x);
	if (pair.x == all)
		return key_text(universe, pair.y);
	return psprintf("%s and %s", key_text(universe, pair.x), key_text(universe, pair.y));
}

/* What a predicate looks like in the file. */
static const char *
predicate_text(const CastsslHbaUniverse *universe, int predicate)
{
	const char *name = universe->names[predicate];
	const char *colon = strchr(name, ':');

	return colon == NULL ? name : colon + 1;
}

static char *
address_text(const CastsslHbaSought *sought, CastsslPrefixes *rest)
{
	const CastsslHbaUniverse *universe = sought->before->universe;
	StringInfoData text;
	char *blocks;

	if (sought->channel == CASTSSL_CHANNEL_SOCKET)
		return NULL;
	castssl_prefixes_join(rest);
	blocks = castssl_prefixes_text(rest);
	if (sought->npredicates == 0)
		return blocks;
	initStringInfo(&text);
	for (int i = 0; i < sought->npredicates; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? " and " : "",
						 predicate_text(universe, sought->predicates[i]));
	if (strcmp(blocks, "all") != 0)
		appendStringInfo(&text, " in %s", blocks);
	return text.data;
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* One class: add its row, or join it to one of the pair's rows from the given one on. */
static void
add_class(const CastsslHbaSought *sought, const CastsslHbaDifference *pattern,
		  CastsslHbaClass *class, KeyPair databases, KeyPair users, int first,
		  CastsslHbaDifferences *differences)
{
	const CastsslHbaUniverse *universe = sought->before->universe;
	CastsslPrefixes rest = { 0 };
	CastsslHbaDifference row = *pattern;
	CastsslHbaVerdict verdict;

	castssl_hba_sought_rest(sought, class, &rest, 0);
	if (rest.count == 0)
		return;
	verdict = castssl_hba_find_witness(sought, class, &row.witness);
	rest.count = 0;
	if (verdict != CASTSSL_HBA_NONE)
		castssl_hba_sought_rest(sought, class, &rest, MAX_BLOCKS);
	if (rest.count == 0)
	{
		pfree(rest.items);
		return;
	}
	row.certain = verdict == CASTSSL_HBA_CERTAIN;
	if (rest.count > MAX_BLOCKS)
	{
		rest.count = 0;
		for (int i = 0; i < sought->blocks.count; i++)
			castssl_prefixes_add(&rest, sought->blocks.items[i]);
	}
	row.address = address_text(sought, &rest);
	pfree(rest.items);
	row.database =
		class->replication ? "replication" : pair_text(universe, databases, class->database);
	row.user = pair_text(universe, users, class->user);
	for (int i = first; i < differences->count; i++)
	{
		CastsslHbaDifference *other = &differences->items[i];

		if (other->certain == row.certain && same_text(other->database, row.database) &&
			same_text(other->address, row.address))
		{
			other->user = psprintf("%s, %s", other->user, row.user);
			return;
		}
	}
	castssl_hba_difference_add(differences, &row);
}

/* Join rows, from the given one on, that differ in the database only. */
static void
join_databases(CastsslHbaDifferences *differences, int first)
{
	int count = first;

	for (int i = first; i < differences->count; i++)
	{
		CastsslHbaDifference *row = &differences->items[i];
		bool joined = false;

		for (int j = first; j < count && !joined; j++)
		{
			CastsslHbaDifference *other = &differences->items[j];

			joined = other->certain == row->certain && same_text(other->user, row->user) &&
					 same_text(other->address, row->address);
			if (joined)
				other->database = psprintf("%s, %s", other->database, row->database);
		}
		if (!joined)
			differences->items[count++] = *row;
	}
	differences->count = count;
}

static void
meet_addresses(CastsslHbaSought *sought, const CastsslHbaBox *x, const CastsslHbaBox *y)
{
	sought->npredicates = 0;
	if (x->predicate != CASTSSL_NO_PREDICATE)
		sought->predicates[sought->npredicates++] = x->predicate;
	if (y->predicate != CASTSSL_NO_PREDICATE && y->predicate != x->predicate)
		sought->predicates[sought->npredicates++] = y->predicate;
	sought->blocks.count = 0;
	castssl_prefixes_intersect(x->prefixes, x->nprefixes, y->prefixes, y->nprefixes,
							   &sought->blocks);
}

void
castssl_hba_pair_differences(CastsslHbaSought *sought, const CastsslHbaDifference *row,
							 CastsslHbaDifferences *differences)
{
	const CastsslHbaBox *x = sought->before->boxes[sought->x];
	const CastsslHbaBox *y = sought->after->boxes[sought->y];
	CastsslHbaUniverse *universe = sought->before->universe;
	int first = differences->count;
	KeyPairs databases;
	KeyPairs users;

	meet_addresses(sought, x, y);
	if (sought->blocks.count == 0)
		return;
	databases = pair_keys(x->databases, x->ndatabases, y->databases, y->ndatabases);
	users = pair_keys(x->users, x->nusers, y->users, y->nusers);
	for (int d = 0; d < databases.count; d++)
		for (int u = 0; u < users.count; u++)
		{
			CastsslHbaClass class;

			castssl_hba_class_init(&class);
			if (castssl_hba_class_database(&class, universe, databases.items[d].x) &&
				castssl_hba_class_database(&class, universe, databases.items[d].y) &&
				castssl_hba_class_user(&class, universe, users.items[u].x) &&
				castssl_hba_class_user(&class, universe, users.items[u].y) &&
				castssl_hba_class_settle(&class, universe, true))
				add_class(sought, row, &class, databases.items[d], users.items[u], first,
						  differences);
		}
	if (databases.count > 1)
		join_databases(differences, first);
	if (databases.items != NULL)
		pfree(databases.items);
	if (users.items != NULL)
		pfree(users.items);
}
