/*
 * witness.c
 *		Find a connection that one rule answers in one policy and another rule in another.
 *
 * This code gives an atom real names and an address, and tests which rule of each policy
 * answers that connection.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/grow.h"
#include "base/interrupts.h"
#include "hba/access/witness.h"

/* How much the search tries before its verdict is "possible". */
#define MAX_ADDRESSES 4  /* for one pair of names */
#define MAX_FRUITLESS 12 /* pairs of names whose verdict is "possible" */
#define MAX_PAIRS 100000

/* Names to try; all: no other name is possible. */
typedef struct Names
{
	const char **items;
	int count;
	int capacity;
	bool all;
} Names;

typedef struct Search
{
	const CastsslHbaParts *rest; /* the addresses that are left to the atom without real names */
	CastsslConnection *witness;
	CastsslHbaVerdict verdict;
	int fruitless;
	int pairs;
} Search;

static void
add(Names *names, const char *name)
{
	CASTSSL_GROW(names->items, names->count, names->capacity);
	names->items[names->count++] = name;
}

/* Add names that no rule mentions, and that the pattern (if any) might match. */
static void
add_others(const CastsslHbaAtom *atom, bool of_database, const char *pattern, Names *names)
{
	/* the literal beginning of a pattern often matches it, alone or with a suffix */
	const char *literal = pattern == NULL ? "" : pattern + strspn(pattern, "^(");
	int length = (int) strcspn(literal, "[](){}.*+?^$|\\");

	for (int i = 1; i < 4; i++)
	{
		const char *other = atom->space->others[of_database][i];

		add(names, length == 0 ? other : psprintf("%.*s%s", length, literal, i == 1 ? "" : other));
	}
}

/* Can a role (its number in world->roles) be in the group that the side's key names, if any? */
static bool
may_be(const CastsslHbaAtom *atom, int side, int role)
{
	const CastsslHbaWorld *world = &atom->space->world;
	int key = atom->sides[side].keys[false];
	char **members = &atom->space->members[CASTSSL_KEY_NUMBER(key)];

	if (CASTSSL_KEY_KIND(key) != CASTSSL_WORD_GROUP || world->member == NULL)
		return true;
	if (*members == NULL)
	{
		*members = palloc(world->nroles);
		for (int i = 0; i < world->nroles; i++)
		{
			castssl_let_interrupt();
			(*members)[i] =
				world->member(world->arg, world->roles[i], castssl_hba_key_name(atom->space, key));
		}
	}
	return (*members)[role] != CASTSSL_NO;
}

/* Add the roles that can be in the groups of both keys.  Returns whether each group has one. */
static bool
add_roles(const CastsslHbaAtom *atom, bool of_database, Names *names)
{
	bool has_one[2] = { false };

	for (int i = 0; i < atom->space->world.nroles; i++)
	{
		bool x = of_database || may_be(atom, 0, i);
		bool y = of_database || may_be(atom, 1, i);

		has_one[0] = has_one[0] || x;
		has_one[1] = has_one[1] || y;
		if (x && y)
			add(names, atom->space->world.roles[i]);
	}
	return has_one[0] && has_one[1];
}

/* The names to try for an atom's user or database. */
static Names
collect(const CastsslHbaAtom *atom, bool of_database)
{
	const CastsslHbaSpace *space = atom->space;
	const char *name = of_database ? atom->connection.database : atom->connection.user;
	const char *pattern = castssl_hba_atom_said(atom, of_database, CASTSSL_WORD_REGEXP, NULL);
	bool role = castssl_hba_atom_said(atom, true, CASTSSL_WORD_SAMEROLE, NULL) != NULL ||
				castssl_hba_atom_said(atom, of_database, CASTSSL_WORD_GROUP, NULL) != NULL;
	Names names = { .all = !castssl_hba_atom_is_any(atom, name) };

	if (names.all)
		add(&names, name);
	else if (role && space->world.roles != NULL)
		/* a group without any member may not exist yet, and may be created with members */
		names.all = add_roles(atom, of_database, &names);
	else
	{
		add_others(atom, of_database, pattern, &names);
		/* the words of the files are needed only for a group, a role or a pattern */
		for (int i = 0; i < space->nwords && (role || pattern != NULL); i++)
			if (space->words[i][0] != '/')
				add(&names, space->words[i] + (space->words[i][0] == '+'));
		if (pattern != NULL)
			add_roles(atom, of_database, &names);
	}
	return names;
}

/* Set a connection's address to one of an interval, number n of several. */
static void
set_address(const CastsslInterval *interval, int n, CastsslConnection *connection)
{
	/* preferred, because nobody takes addresses for documentation (RFC 5737, 3849) for real ones */
	static const CastsslInterval documentation[] = {
		{ { UINT64CONST(0xc000020100000000), 0 }, { UINT64CONST(0xffffffff00000000), 0 }, 4 },
		{ { UINT64CONST(0x20010db800000000), 1 }, { PG_UINT64_MAX, PG_UINT64_MAX }, 6 }
	};
	int family = interval->family != 0 ? interval->family : n % 2 == 0 ? 4 : 6;
	const CastsslInterval *from = &documentation[family == 6];
	int lowest = family == 4 ? 31 : 127;
	CastsslInterval chosen;

	if (n > 0 || !castssl_interval_covers(interval, from))
		from = interval;
	chosen = *from;
	/* write n into the free bits, the highest first; for n = 0 set the lowest: no network address
	 */
	for (int i = 0, left = n; i <= lowest; i++)
	{
		uint64 bit = UINT64CONST(1) << (63 - i % 64);

		if ((from->mask[i / 64] & bit) != 0)
			continue;
		if ((left & 1) != 0 || (i == lowest && left == 0))
			chosen.bits[i / 64] |= bit;
		left >>= 1;
	}
	connection->family = family;
	memcpy(connection->address, castssl_interval_address(&chosen).address, 16);
}

/* The n-th address to try of rest; n below 0: loopback addresses, likely for samehost and names. */
static void
choose_address(const CastsslHbaAtom *atom, const CastsslHbaParts *rest, int n,
			   CastsslConnection *connection)
{
	static const CastsslInterval own[] = {
		{ { UINT64CONST(0x7f00000100000000), 0 }, { UINT64CONST(0xffffffff00000000), 0 }, 4 },
		{ { 0, 1 }, { PG_UINT64_MAX, PG_UINT64_MAX }, 6 },
		{ { UINT64CONST(0x7f00000200000000), 0 }, { UINT64CONST(0xffffffff00000000), 0 }, 4 }
	};

	if (n < 0)
		set_address(&own[-n - 1], 0, connection);
	else if (atom->channel != CASTSSL_CHANNEL_SOCKET)
		set_address(&rest->items[n % rest->count].interval, n / rest->count, connection);
}

/* Try addresses for the names of an atom. */
static bool
try_addresses(Search *search, const CastsslHbaAtom *atom, const CastsslHbaParts *rest)
{
	CastsslConnection connection = atom->connection;
	bool asked = castssl_hba_box_asks(castssl_hba_atom_box(atom, 0)) ||
				 castssl_hba_box_asks(castssl_hba_atom_box(atom, 1));

	for (int i = asked ? -3 : 0; i < (atom->channel == CASTSSL_CHANNEL_SOCKET ? 1 : MAX_ADDRESSES);
		 i++)
	{
		choose_address(atom, rest, i, &connection);
		if (castssl_hba_atom_answers(atom, &connection))
		{
			*search->witness = connection;
			search->verdict = CASTSSL_HBA_CERTAIN;
			return true;
		}
	}
	return false;
}

/* Try one pair of names.  False: the search is over. */
static bool
try_names(Search *search, const CastsslHbaAtom *named)
{
	const CastsslHbaParts *rest = search->rest;
	CastsslAnswer holds = castssl_hba_atom_holds(named);
	bool left = holds != CASTSSL_NO;

	if (holds == CASTSSL_YES)
	{
		/* addresses that are left to all names are likely left to these */
		if (try_addresses(search, named, rest))
			return false;
		left = castssl_hba_atom_left(named, &named->space->named_rest, MAX_ADDRESSES, NULL);
		rest = &named->space->named_rest;
		if (left && try_addresses(search, named, rest))
			return false;
	}
	if (left && search->verdict == CASTSSL_HBA_NONE)
	{
		*search->witness = named->connection;
		choose_address(named, rest, 0, search->witness);
		search->verdict = CASTSSL_HBA_POSSIBLE;
	}
	search->fruitless += left;
	return ++search->pairs < MAX_PAIRS && search->fruitless < MAX_FRUITLESS;
}

/* Try every pair of names.  False: there may be others. */
static bool
try_pairs(Search *search, const CastsslHbaAtom *atom, const Names *users, const Names *databases)
{
	bool any = castssl_hba_atom_is_any(atom, atom->connection.database);
	bool sameuser = castssl_hba_atom_said(atom, true, CASTSSL_WORD_SAMEUSER, NULL) != NULL;
	bool samerole = castssl_hba_atom_said(atom, true, CASTSSL_WORD_SAMEROLE, NULL) != NULL;
	/* database number -1 is the user's name: the only one for sameuser, the likeliest for samerole
	 */
	int first = any && (sameuser || samerole) ? -1 : 0;
	int last = any && sameuser ? -1 : databases->count - 1;
	bool all = users->all;

	for (int i = 0; i < users->count; i++)
	{
		CastsslHbaAtom named = *atom;

		named.connection.user = users->items[i];
		if (last < 0)
			named.connection.database = users->items[i];
		if (castssl_hba_atom_holds(&named) == CASTSSL_NO)
			continue;
		all = all && (last < 0 || databases->all);
		for (int j = first; j <= last; j++)
		{
			named.connection.database = j < 0 ? users->items[i] : databases->items[j];
			castssl_let_interrupt();
			if (--atom->space->patience < 0 || !try_names(search, &named))
				return false;
		}
	}
	return all;
}

CastsslHbaVerdict
castssl_hba_find_witness(const CastsslHbaAtom *atom, const CastsslHbaParts *rest,
						 CastsslConnection *witness)
{
	Search search = { rest, .witness = witness };
	Names users = collect(atom, false);
	Names databases = collect(atom, true);

	/* an example, in case no witness is found */
	*witness = atom->connection;
	choose_address(atom, rest, 0, witness);
	if (!try_pairs(&search, atom, &users, &databases) && search.verdict == CASTSSL_HBA_NONE)
		search.verdict = CASTSSL_HBA_POSSIBLE;
	/* a list can be empty: if no role is in a group */
	if (users.items != NULL)
		pfree(users.items);
	if (databases.items != NULL)
		pfree(databases.items);
	return search.verdict;
}
