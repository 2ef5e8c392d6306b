/*
 * rows.c
 *		The rows for one pair of rules: this one answered before, that one answers after.
 *
 * A user of the one line and one of the other, and a database of each, are an
 * atom; where the earlier rules of both policies leave it some addresses, and there
 * is a witness, it is a row.  Rows that differ in one column only are then joined.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

#include "base/grow.h"
#include "hba/access/rows.h"
#include "hba/text/write.h"

/* More blocks than a person reads: then the row shows the block of the lines. */
#define MAX_BLOCKS 8

/* Keys that can be true together, one of each rule; often one and the same. */
typedef struct KeyPairs
{
	CastsslInts x;
	CastsslInts y;
} KeyPairs;

/* Can keys that are not equal be true together?  (What regular expressions say is seen later.) */
static bool
can_meet(int x, int y)
{
	CastsslHbaKeyKind a = CASTSSL_KEY_KIND(x);
	CastsslHbaKeyKind b = CASTSSL_KEY_KIND(y);

	return a != CASTSSL_KEY_REPLICATION && b != CASTSSL_KEY_REPLICATION &&
		   (a != CASTSSL_KEY_NAME || b != CASTSSL_KEY_NAME);
}

/*
 * Pair two sorted lists of keys.  A key that both have stands for all in which it
 * takes part, so the others are paired only among themselves.
 */
static KeyPairs
pair_keys(const CastsslInts *x, const CastsslInts *y)
{
	KeyPairs pairs = { { 0 } };
	CastsslInts only[3] = { { 0 } }; /* x has, y has, y has and it is no name */
	int i = 0;
	int j = 0;

	while (i < x->count || j < y->count)
		if (j == y->count || (i < x->count && x->items[i] < y->items[j]))
			castssl_ints_add(&only[0], x->items[i++]);
		else if (i == x->count || y->items[j] < x->items[i])
		{
			if (CASTSSL_KEY_KIND(y->items[j]) != CASTSSL_KEY_NAME)
				castssl_ints_add(&only[2], y->items[j]);
			castssl_ints_add(&only[1], y->items[j++]);
		}
		else
		{
			castssl_ints_add(&pairs.x, x->items[i++]);
			castssl_ints_add(&pairs.y, y->items[j++]);
		}
	for (i = 0; i < only[0].count; i++)
	{
		int key = only[0].items[i];
		const CastsslInts *others = &only[CASTSSL_KEY_KIND(key) == CASTSSL_KEY_NAME ? 2 : 1];

		for (j = 0; j < others->count; j++)
			if (can_meet(key, others->items[j]))
			{
				castssl_ints_add(&pairs.x, key);
				castssl_ints_add(&pairs.y, others->items[j]);
			}
	}
	for (i = 0; i < lengthof(only); i++)
		castssl_ints_free(&only[i]);
	return pairs;
}

/* As it would stand in the file: quoted where it would mean something else. */
static char *
quoted(const char *name)
{
	static const char *const keywords[] = { "all", "sameuser", "samerole", "samegroup",
											"replication" };
	CastsslHbaToken token = { name, strchr("+/", name[0]) || strpbrk(name, " \t\r,\"#") };
	StringInfoData text;

	for (int i = 0; i < lengthof(keywords); i++)
		token.quoted = token.quoted || strcmp(name, keywords[i]) == 0;
	initStringInfo(&text);
	castssl_hba_write_token(&text, &token);
	return text.data;
}

static const char *
key_text(const CastsslHbaNames *names, int key)
{
	switch (CASTSSL_KEY_KIND(key))
	{
		case CASTSSL_KEY_ALL:
			return "all";
		case CASTSSL_KEY_GROUP:
			return psprintf("+%s", names->items[CASTSSL_KEY_NAME_OF(key)]);
		case CASTSSL_KEY_REGEXP:
			return psprintf("/%s", names->items[CASTSSL_KEY_NAME_OF(key)]);
		case CASTSSL_KEY_SAMEUSER:
			return "sameuser";
		default: /* of the others the atom has the name */
			return "samerole";
	}
}

/* What two keys have in common; name: that of the atom, if it was said. */
static const char *
pair_text(const CastsslHbaNames *names, int x, int y, const char *name)
{
	int all = CASTSSL_KEY(CASTSSL_KEY_ALL, 0);

	if (name != NULL)
		return quoted(name);
	if (x == y || y == all)
		return key_text(names, x);
	return x == all ? key_text(names, y)
					: psprintf("%s and %s", key_text(names, x), key_text(names, y));
}

/* What stands in a rule's address field, where blocks do not say it. */
static char *
word_of(const CastsslHbaBox *box)
{
	StringInfoData text;

	if (!box->by_word)
		return castssl_interval_compare(&box->interval, &box->block) == 0
				   ? NULL
				   : castssl_interval_text(&box->interval);
	initStringInfo(&text);
	castssl_hba_write_address(&text, &box->rule.address);
	for (char *c = text.data; *c != '\0'; c++)
		*c = pg_tolower((unsigned char) *c);
	return text.data;
}

static char *
address_text(const CastsslHbaSought *sought, const CastsslHbaParts *rest)
{
	char *x = word_of(&sought->before->boxes[sought->x]);
	char *y = word_of(&sought->after->boxes[sought->y]);
	char *words = x == NULL || (y != NULL && strcmp(x, y) == 0) ? y
				  : y == NULL                                   ? x
																: psprintf("%s and %s", x, y);
	int count = rest->count <= MAX_BLOCKS ? rest->count : 1;
	char *blocks = NULL;

	if (sought->channel == CASTSSL_CHANNEL_SOCKET)
		return NULL;
	for (int i = 0; i < count; i++)
	{
		CastsslInterval block = castssl_interval_block(
			count == rest->count ? &rest->items[i].interval : &sought->interval);

		blocks = blocks == NULL ? castssl_interval_text(&block)
								: psprintf("%s, %s", blocks, castssl_interval_text(&block));
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there is a block at least */
	if (strcmp(blocks, "0.0.0.0/0, ::/0") == 0)
		blocks = pstrdup("all");
	if (words == NULL)
		return blocks;
	return strcmp(blocks, "all") == 0 ? words : psprintf("%s in %s", words, blocks);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

void
castssl_hba_difference_add(CastsslHbaDifferences *list, const CastsslHbaDifference *difference)
{
	CASTSSL_GROW(list->items, list->count, list->capacity);
	list->items[list->count++] = *difference;
}

/* One atom: add its row, or join it to one of the pair's rows from the given one on. */
static void
add_atom(CastsslHbaSought *sought, const CastsslHbaAtom *atom, CastsslHbaDifference *row, int first,
		 CastsslHbaDifferences *differences)
{
	CastsslHbaParts rest = { 0 };
	CastsslHbaVerdict verdict = CASTSSL_HBA_NONE;

	if (castssl_hba_sought_rest(sought, atom, &rest, MAX_BLOCKS))
		verdict = castssl_hba_find_witness(sought, atom, &rest, &row->witness);
	if (verdict != CASTSSL_HBA_NONE)
	{
		row->certain = verdict == CASTSSL_HBA_CERTAIN;
		row->address = address_text(sought, &rest);
		for (int i = first; i < differences->count && verdict != CASTSSL_HBA_NONE; i++)
		{
			CastsslHbaDifference *other = &differences->items[i];

			if (other->certain == row->certain && same_text(other->database, row->database) &&
				same_text(other->address, row->address))
			{
				other->user = psprintf("%s, %s", other->user, row->user);
				verdict = CASTSSL_HBA_NONE;
			}
		}
	}
	if (verdict != CASTSSL_HBA_NONE)
		castssl_hba_difference_add(differences, row);
	if (rest.items != NULL)
		pfree(rest.items);
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

void
castssl_hba_pair_rows(CastsslHbaSought *sought, const CastsslHbaDifference *pattern,
					  CastsslHbaDifferences *differences)
{
	const CastsslHbaBox *x = &sought->before->boxes[sought->x];
	const CastsslHbaBox *y = &sought->after->boxes[sought->y];
	const CastsslHbaNames *names = &sought->before->space->names;
	KeyPairs databases = pair_keys(&x->databases, &y->databases);
	KeyPairs users = pair_keys(&x->users, &y->users);
	int first = differences->count;

	for (int i = 0; i < databases.x.count * users.x.count; i++)
	{
		int d = i / users.x.count;
		int u = i % users.x.count;
		CastsslHbaDifference row = *pattern;
		CastsslHbaAtom atom = { .space = sought->before->space, .now = true };

		castssl_hba_atom_address(&atom, x);
		castssl_hba_atom_address(&atom, y);
		castssl_hba_atom_channel(&atom, sought->channel);
		if (!castssl_hba_atom_database(&atom, databases.x.items[d]) ||
			!castssl_hba_atom_database(&atom, databases.y.items[d]) ||
			!castssl_hba_atom_user(&atom, users.x.items[u]) ||
			!castssl_hba_atom_user(&atom, users.y.items[u]) || !castssl_hba_atom_settle(&atom) ||
			!castssl_hba_atom_possible(&atom, false))
			continue;
		row.database = atom.connection.replication
						   ? "replication"
						   : pair_text(names, databases.x.items[d], databases.y.items[d],
									   atom.any_database ? NULL : atom.connection.database);
		row.user = pair_text(names, users.x.items[u], users.y.items[u],
							 atom.any_user ? NULL : atom.connection.user);
		add_atom(sought, &atom, &row, first, differences);
	}
	if (databases.x.count > 1)
		join_databases(differences, first);
	castssl_ints_free(&databases.x);
	castssl_ints_free(&databases.y);
	castssl_ints_free(&users.x);
	castssl_ints_free(&users.y);
}
