/*
 * difference.c
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
#include "hba/access/difference.h"
#include "hba/access/witness.h"
#include "hba/text/address.h"
#include "hba/text/write.h"

/* More blocks than a person reads: then the row shows the block of the lines. */
#define MAX_BLOCKS 8

/* Keys that can be true together, one of each rule; often one and the same. */
typedef struct KeyPairs
{
	CastsslInts x;
	CastsslInts y;
} KeyPairs;

/*
 * Can two keys of two lists be true together, so that none says it better?  A key that
 * both lists have stands for all in which it takes part.
 */
static bool
is_pair(const CastsslInts *xs, int x, const CastsslInts *ys, int y)
{
	CastsslHbaWord kinds[2] = { CASTSSL_KEY_KIND(x), CASTSSL_KEY_KIND(y) };

	if (x == y)
		return true;
	return (kinds[0] != CASTSSL_WORD_NAME || kinds[1] != CASTSSL_WORD_NAME) &&
		   kinds[0] != CASTSSL_WORD_REPLICATION && kinds[1] != CASTSSL_WORD_REPLICATION &&
		   !castssl_ints_has(ys, x) && !castssl_ints_has(xs, y);
}

static KeyPairs
pair_keys(const CastsslInts *xs, const CastsslInts *ys)
{
	KeyPairs pairs = { { 0 } };

	for (int i = 0; i < xs->count; i++)
		for (int j = 0; j < ys->count; j++)
			if (is_pair(xs, xs->items[i], ys, ys->items[j]))
			{
				castssl_ints_add(&pairs.x, xs->items[i]);
				castssl_ints_add(&pairs.y, ys->items[j]);
			}
	return pairs;
}

/* A name as it would stand in the file. */
static const char *
as_written(const char *name)
{
	StringInfoData text;

	initStringInfo(&text);
	castssl_hba_write_name(&text, name);
	/* there may be many rows */
	if (strcmp(text.data, name) != 0)
		return text.data;
	pfree(text.data);
	return name;
}

/* What the users of an atom are called, or the databases. */
static const char *
column_text(const CastsslHbaAtom *atom, bool of_database)
{
	const char *name = of_database ? atom->connection.database : atom->connection.user;
	int x = atom->sides[0].keys[of_database];
	int y = atom->sides[1].keys[of_database];
	const char *words[2] = { atom->space->names.items[CASTSSL_KEY_NUMBER(x)],
							 atom->space->names.items[CASTSSL_KEY_NUMBER(y)] };

	if (of_database && atom->connection.replication)
		return "replication";
	if (!castssl_hba_atom_is_any(atom, name))
		return as_written(name);
	if (x == y || CASTSSL_KEY_KIND(y) == CASTSSL_WORD_ALL)
		return words[0];
	return CASTSSL_KEY_KIND(x) == CASTSSL_WORD_ALL ? words[1]
												   : psprintf("%s and %s", words[0], words[1]);
}

/* "10.0.0.0/8", "10.0.0.3/255.0.0.255" or "all"; palloc'd. */
static char *
interval_text(const CastsslInterval *interval)
{
	CastsslHbaAddress address = castssl_interval_address(interval);
	char *text = interval->family == 0 ? pstrdup("all") : castssl_hba_range_text(&address);

	if (strchr(text, ' ') != NULL)
		*strchr(text, ' ') = '/';
	return text;
}

/* What stands in a rule's address field, where blocks do not say it. */
static char *
word_of(const CastsslHbaBox *box)
{
	StringInfoData text;

	if (!castssl_hba_box_asks(box))
		return castssl_interval_compare(&box->interval, &box->block) == 0
				   ? NULL
				   : interval_text(&box->interval);
	initStringInfo(&text);
	castssl_hba_write_address(&text, &box->rule.address);
	for (char *c = text.data; *c != '\0'; c++)
		*c = pg_tolower((unsigned char) *c);
	return text.data;
}

static char *
address_text(const CastsslHbaAtom *atom, const CastsslHbaParts *rest)
{
	char *x = word_of(castssl_hba_atom_box(atom, 0));
	char *y = word_of(castssl_hba_atom_box(atom, 1));
	char *words = x == NULL || (y != NULL && strcmp(x, y) == 0) ? y
				  : y == NULL                                   ? x
																: psprintf("%s and %s", x, y);
	int count = rest->count <= MAX_BLOCKS ? rest->count : 1;
	char *blocks = NULL;

	if (atom->channel == CASTSSL_CHANNEL_SOCKET)
		return NULL;
	for (int i = 0; i < count; i++)
	{
		CastsslInterval block = castssl_interval_block(
			count == rest->count ? &rest->items[i].interval : &atom->interval);
		char *text = interval_text(&block);

		blocks = i == 0 ? text : psprintf("%s, %s", blocks, text);
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there is a block at least */
	if (strcmp(blocks, "all") == 0 || strcmp(blocks, "0.0.0.0/0, ::/0") == 0)
		return words == NULL ? pstrdup("all") : words;
	return words == NULL ? blocks : psprintf("%s in %s", words, blocks);
}

static bool
same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Join rows, from the given one on, that differ in the database only, or in the user only. */
static void
join(CastsslHbaDifferences *differences, int first, bool databases)
{
	int count = first;

	for (int i = first; i < differences->count; i++)
	{
		CastsslHbaDifference row = differences->items[i];
		const char **column = databases ? &row.database : &row.user;
		StringInfoData text = { 0 };

		if (row.database == NULL)
			continue;
		for (int j = i + 1; j < differences->count; j++)
		{
			CastsslHbaDifference *other = &differences->items[j];

			if (other->database == NULL || other->certain != row.certain ||
				!same_text(other->address, row.address) ||
				!(databases ? same_text(other->user, row.user)
							: same_text(other->database, row.database)))
				continue;
			if (text.data == NULL)
			{
				initStringInfo(&text);
				appendStringInfoString(&text, *column);
				*column = text.data;
			}
			appendStringInfo(&text, ", %s", databases ? other->database : other->user);
			*column = text.data;
			other->database = NULL;
		}
		differences->items[count++] = row;
	}
	differences->count = count;
}

/* The row of an atom, if there is one. */
static void
add_atom(const CastsslHbaAtom *atom, CastsslHbaDifference row, CastsslHbaParts *rest,
		 CastsslHbaDifferences *differences)
{
	CastsslHbaVerdict verdict;

	if (!castssl_hba_atom_left(atom, rest, MAX_BLOCKS, NULL))
		return;
	verdict = castssl_hba_find_witness(atom, rest, &row.witness);
	if (verdict == CASTSSL_HBA_NONE)
		return;
	row.certain = verdict == CASTSSL_HBA_CERTAIN;
	row.address = address_text(atom, rest);
	row.user = column_text(atom, false);
	row.database = column_text(atom, true);
	CASTSSL_GROW(differences->items, differences->count, differences->capacity);
	differences->items[differences->count++] = row;
}

void
castssl_hba_pair_differences(const CastsslHbaAtom *pair, const CastsslHbaDifference *pattern,
							 CastsslHbaDifferences *differences)
{
	const CastsslHbaBox *x = castssl_hba_atom_box(pair, 0);
	const CastsslHbaBox *y = castssl_hba_atom_box(pair, 1);
	KeyPairs databases = pair_keys(&x->databases, &y->databases);
	KeyPairs users = pair_keys(&x->users, &y->users);
	CastsslHbaParts rest = { 0 };
	int first = differences->count;

	for (int i = 0; i < databases.x.count * users.x.count; i++)
	{
		CastsslHbaAtom atom = *pair;

		atom.sides[0].keys[true] = databases.x.items[i / users.x.count];
		atom.sides[1].keys[true] = databases.y.items[i / users.x.count];
		atom.sides[0].keys[false] = users.x.items[i % users.x.count];
		atom.sides[1].keys[false] = users.y.items[i % users.x.count];
		if (castssl_hba_atom_settle(&atom))
			add_atom(&atom, *pattern, &rest, differences);
	}
	join(differences, first, false);
	join(differences, first, true);
	castssl_ints_free(&databases.x);
	castssl_ints_free(&databases.y);
	castssl_ints_free(&users.x);
	castssl_ints_free(&users.y);
	if (rest.items != NULL)
		pfree(rest.items);
}
