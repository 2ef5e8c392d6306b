/*
 * witness.c
 *		Find a connection that one rule answers in one policy and another rule in another.
 *
 * An atom says where a witness can be.  Here it is given real names and an address,
 * and both policies are asked what they do with that connection.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/grow.h"
#include "hba/access/witness.h"

/* How much is tried before "possible" is the answer. */
#define MAX_ADDRESSES 4  /* for one pair of names */
#define MAX_FRUITLESS 12 /* pairs of names whose verdict is "possible" */
#define MAX_PAIRS 100000

/* Names to try; all: there is no other one. */
typedef struct Names
{
	const char **items;
	int count;
	int capacity;
	bool all;
} Names;

typedef struct Search
{
	const CastsslHbaParts *rest; /* what is left to the atom before it has names */
	CastsslHbaParts named_rest;
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
	/* what is literal in a pattern often matches it, alone or with something behind */
	const char *literal = pattern == NULL ? "" : pattern + strspn(pattern, "^(");
	int length = (int) strcspn(literal, "[](){}.*+?^$|\\");

	for (int i = 1; i < 4; i++)
	{
		const char *other = atom->space->others[of_database][i];

		add(names, length == 0 ? other : psprintf("%.*s%s", length, literal, i == 1 ? "" : other));
	}
}

/* Add the roles that can be in the groups that were said.  Does each group have one? */
static bool
add_roles(const CastsslHbaAtom *atom, bool of_database, Names *names)
{
	bool has_one[2] = { false };

	for (int i = 0; i < atom->space->world.nroles; i++)
	{
		bool may_be[2] = { true, true };

		for (int side = 0; side < 2; side++)
		{
			int key = atom->sides[side].keys[false];

			if (!of_database && CASTSSL_KEY_KIND(key) == CASTSSL_WORD_GROUP)
				may_be[side] = castssl_hba_space_member(atom->space, i, key) != CASTSSL_NO;
			has_one[side] = has_one[side] || may_be[side];
		}
		if (may_be[0] && may_be[1])
			add(names, atom->space->world.roles[i]);
	}
	return has_one[0] && has_one[1];
}

/* The names to try for an atom's user or database. */
static Names
collect(const CastsslHbaAtom *atom, bool of_database)
{
	const char *name = of_database ? atom->connection.database : atom->connection.user;
	const char *pattern = castssl_hba_atom_said(atom, of_database, CASTSSL_WORD_REGEXP, NULL);
	const CastsslHbaNames *mentioned = &atom->space->names;
	bool role = castssl_hba_atom_said(atom, true, CASTSSL_WORD_SAMEROLE, NULL) != NULL ||
				castssl_hba_atom_said(atom, of_database, CASTSSL_WORD_GROUP, NULL) != NULL;
	bool known = role && atom->space->world.roles != NULL;
	Names names = { 0 };

	names.all = !castssl_hba_atom_is_any(atom, name);
	if (names.all)
		add(&names, name);
	else if (known)
		/* a group that nobody is in does not exist, and somebody may come with it */
		names.all = add_roles(atom, of_database, &names);
	else
	{
		add_others(atom, of_database, pattern, &names);
		/* where nothing is asked of a name, any will do */
		for (int i = 0; i < mentioned->count && (role || pattern != NULL); i++)
			if (mentioned->items[i][0] != '/')
				add(&names, mentioned->items[i] + (mentioned->items[i][0] == '+'));
		if (pattern != NULL)
			add_roles(atom, of_database, &names);
	}
	return names;
}

/* Set a connection's address to one of an interval, number n of several. */
static void
set_address(const CastsslInterval *interval, int n, CastsslConnection *connection)
{
	/* where there is a choice: addresses for documentation are the ones that nobody mistakes */
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
	/* the bits of n from the highest free bit on; the lowest is 1, so that it is no network's */
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

/* The n-th address to try of what is left; below 0: of this host, where words are likely true. */
static void
choose_address(const CastsslHbaAtom *atom, const CastsslHbaParts *rest, int n,
			   CastsslConnection *connection)
{
	static const CastsslConnection own[] = { { .family = 4, .address = { 127, 0, 0, 1 } },
											 { .family = 6, .address = { [15] = 1 } },
											 { .family = 4, .address = { 127, 0, 0, 2 } } };

	if (n < 0)
	{
		connection->family = own[-n - 1].family;
		memcpy(connection->address, own[-n - 1].address, 16);
	}
	else if (atom->channel != CASTSSL_CHANNEL_SOCKET)
		set_address(&rest->items[n % rest->count].interval, n / rest->count, connection);
}

/* Try addresses for the names of an atom. */
static bool
try_addresses(Search *search, const CastsslHbaAtom *atom, const CastsslHbaParts *rest)
{
	bool socket = atom->channel == CASTSSL_CHANNEL_SOCKET;
	CastsslConnection connection = atom->connection;
	bool asked = castssl_hba_box_asks(castssl_hba_atom_box(atom, 0)) ||
				 castssl_hba_box_asks(castssl_hba_atom_box(atom, 1));

	for (int i = asked ? -3 : 0; i < (socket ? 1 : MAX_ADDRESSES); i++)
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
	CastsslAnswer holds = castssl_hba_atom_holds(named);
	const CastsslHbaParts *rest = search->rest;
	bool left = holds != CASTSSL_NO;

	if (holds == CASTSSL_YES)
	{
		/* what is left to all is likely left to them, too */
		if (try_addresses(search, named, rest))
			return false;
		rest = &search->named_rest;
		left = castssl_hba_atom_left(named, &search->named_rest, MAX_ADDRESSES, NULL);
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
	/* number -1 is the user: he must be it, or is the likeliest */
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
			castssl_hba_patience_step(&atom->space->patience, 1);
			if (atom->space->patience < 0 || !try_names(search, &named))
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
	bool all = try_pairs(&search, atom, &users, &databases);

	if (search.verdict == CASTSSL_HBA_NONE && !all)
	{
		/* not everything was tried: what the witness would look like */
		*witness = atom->connection;
		choose_address(atom, rest, 0, witness);
		search.verdict = CASTSSL_HBA_POSSIBLE;
	}
	/* The server's pfree takes no NULL: a list may be empty where no role is of a group. */
	if (search.named_rest.items != NULL)
		pfree(search.named_rest.items);
	if (users.items != NULL)
		pfree(users.items);
	if (databases.items != NULL)
		pfree(databases.items);
	return search.verdict;
}
