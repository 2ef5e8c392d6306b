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

#include "hba/access/witness.h"

/* How much is tried before "possible" is the answer. */
#define MAX_ADDRESSES 4  /* for one pair of names */
#define MAX_FRUITLESS 12 /* pairs of names whose verdict is "possible" */
#define MAX_PAIRS 100000
#define INVENTED 3

typedef struct Search
{
	CastsslHbaSought *sought;
	const CastsslHbaAtom *atom;
	CastsslConnection *witness;
	CastsslHbaVerdict verdict;
	int fruitless;
	int pairs;
	bool partial; /* there are databases that are not tried */
} Search;

bool
castssl_hba_sought_rest(CastsslHbaSought *sought, const CastsslHbaAtom *atom, CastsslHbaParts *rest,
						int max)
{
	CastsslHbaParts *takers = &sought->takers;

	takers->count = 0;
	castssl_hba_takers(sought->before, sought->x, atom, &sought->interval, takers);
	castssl_hba_takers(sought->after, sought->y, atom, &sought->interval, takers);
	rest->count = 0;
	return castssl_hba_left(takers, &sought->interval, &sought->before->space->patience, rest, max);
}

/* Must it be a role? */
static bool
is_role(const CastsslHbaAtom *atom, bool of_user)
{
	return atom->samerole || (of_user && atom->ngroups > 0);
}

/* Is something asked of the name, so that not any will do? */
static bool
is_asked(const CastsslHbaAtom *atom, bool of_user)
{
	return is_role(atom, of_user) ||
		   (of_user ? atom->nuser_patterns : atom->ndatabase_patterns) > 0;
}

/* The n-th address to try of what is left; below 0: of this host, where words are likely true. */
static void
choose_address(const CastsslHbaSought *sought, const CastsslHbaParts *rest, int n,
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
	else if (sought->channel != CASTSSL_CHANNEL_SOCKET)
		castssl_interval_example(&rest->items[n % rest->count].interval, n / rest->count,
								 &connection->family, connection->address);
	else
		connection->family = 0;
}

/* Try the names of an atom to which rest is left.  False: the search is over. */
static bool
try_addresses(Search *search, const CastsslHbaAtom *atom, const CastsslHbaParts *rest)
{
	CastsslHbaSought *sought = search->sought;
	CastsslConnection connection = atom->connection;
	bool socket = sought->channel == CASTSSL_CHANNEL_SOCKET;
	bool found = false;

	for (int i = socket || atom->nwords == 0 ? 0 : -3; !found && i < (socket ? 1 : MAX_ADDRESSES);
		 i++)
	{
		choose_address(sought, rest, i, &connection);
		found = castssl_hba_answers(sought->before, sought->x, &connection) &&
				castssl_hba_answers(sought->after, sought->y, &connection);
	}
	if (!found)
	{
		choose_address(sought, rest, 0, &connection);
		search->fruitless++;
	}
	if (found || search->verdict == CASTSSL_HBA_NONE)
		*search->witness = connection;
	search->verdict = found ? CASTSSL_HBA_CERTAIN : CASTSSL_HBA_POSSIBLE;
	return !found && search->fruitless < MAX_FRUITLESS;
}

/* Try one pair of names.  False: the search is over. */
static bool
try_names(Search *search, const CastsslHbaAtom *named)
{
	CastsslHbaParts rest = { 0 };
	bool go_on = ++search->pairs < MAX_PAIRS;

	castssl_hba_patience_step(&named->space->patience, 1);
	if (castssl_hba_atom_possible(named, false) &&
		castssl_hba_sought_rest(search->sought, named, &rest, MAX_ADDRESSES))
		go_on = try_addresses(search, named, &rest) && go_on;
	if (rest.items != NULL)
		pfree(rest.items);
	return go_on;
}

/* A name that no rule uses, and that the pattern (if any) might match. */
static const char *
invent(CastsslHbaNames *names, const char *pattern, bool of_user, int n)
{
	static const char *const stems[2][INVENTED] = { { "other_database", "elsewhere", "y2" },
													{ "other_user", "someone", "x1" } };
	const char *stem = stems[of_user][n];

	/* what is literal in a pattern often matches it, alone or with something behind */
	if (pattern != NULL)
	{
		const char *literal = pattern + strspn(pattern, "^(");
		size_t length = strcspn(literal, "[](){}.*+?^$|\\");

		if (length > 0)
			return psprintf("%.*s%s", (int) length, literal, n == 0 ? "" : stem);
	}
	return castssl_hba_unmentioned(names, stem);
}

/* Can a role be in the groups of an atom? */
static bool
may_be_in(const CastsslHbaAtom *atom, int role)
{
	for (int i = 0; i < atom->ngroups; i++)
		if (castssl_hba_space_member(atom->space, role, atom->groups[i]) == CASTSSL_NO)
			return false;
	return true;
}

/* Name number n to try; NULL: there are no more.  *skip: it will not do. */
static const char *
nth_name(const Search *search, bool of_user, int n, bool *skip)
{
	const CastsslHbaAtom *atom = search->atom;
	const CastsslHbaWorld *world = atom->space->world;
	const CastsslInts *mentioned =
		of_user ? search->sought->role_names : search->sought->database_names;
	const char *const *patterns = of_user ? atom->user_patterns : atom->database_patterns;
	int npatterns = of_user ? atom->nuser_patterns : atom->ndatabase_patterns;
	bool role = is_role(atom, of_user);
	int ninvented = role && npatterns == 0 ? 0 : INVENTED;
	int nmentioned = is_asked(atom, of_user) ? mentioned->count : 0;
	int nroles = world->roles == NULL || !is_asked(atom, of_user) ? 0 : world->nroles;

	*skip = false;
	/* where a role is asked for, no other name will do */
	if (role && world->roles != NULL && npatterns == 0)
		nmentioned = 0;
	if (n < ninvented)
		return invent(&atom->space->names, npatterns > 0 ? patterns[0] : NULL, of_user, n);
	n -= ninvented;
	if (n < nmentioned)
		return atom->space->names.items[mentioned->items[n]];
	n -= nmentioned;
	if (n >= nroles)
		return NULL;
	*skip = of_user && !may_be_in(atom, n);
	return world->roles[n];
}

/* Is there no other name than those to try?  Only a role that exists is in a group that exists. */
static bool
is_all(const CastsslHbaAtom *atom, bool of_user)
{
	const CastsslHbaWorld *world = atom->space->world;

	for (int i = 0; i < atom->ngroups; i++)
	{
		const char *group = atom->space->names.items[atom->groups[i]];

		if (world->member == NULL || world->member(world->arg, group, group) == CASTSSL_NO)
			return false;
	}
	return is_role(atom, of_user) && world->roles != NULL;
}

/* Try every database for a user.  False: the search is over. */
static bool
try_databases(Search *search, CastsslHbaAtom *named)
{
	const char *name;
	bool skip;

	named->any_database = false;
	if (named->sameuser)
		named->connection.database = named->connection.user;
	if (named->sameuser || !search->atom->any_database)
		return try_names(search, named);
	if (named->samerole)
	{
		/* the user himself is the likeliest */
		named->connection.database = named->connection.user;
		if (!try_names(search, named))
			return false;
	}
	search->partial = search->partial || !is_all(named, false);
	for (int i = 0; (name = nth_name(search, false, i, &skip)) != NULL; i++)
	{
		named->connection.database = name;
		if (!try_names(search, named))
			return false;
	}
	return true;
}

CastsslHbaVerdict
castssl_hba_find_witness(CastsslHbaSought *sought, const CastsslHbaAtom *atom,
						 const CastsslHbaParts *rest, CastsslConnection *witness)
{
	Search search = { sought, atom, witness };
	CastsslHbaAtom named = *atom;
	const char *name;
	bool skip;
	bool go_on = true;

	/* nothing is asked of the names, which are as good as others, or they are given */
	if ((!is_asked(atom, true) && !is_asked(atom, false)) ||
		(!atom->any_user && !atom->any_database))
		go_on = try_addresses(&search, atom, rest) && (atom->any_user || atom->any_database);
	if (go_on && !atom->any_user)
		try_databases(&search, &named);
	for (int i = 0; go_on && atom->any_user && (name = nth_name(&search, true, i, &skip)) != NULL;
		 i++)
	{
		if (skip)
			continue;
		named = *atom;
		named.any_user = false;
		named.connection.user = name;
		if (castssl_hba_atom_possible(&named, true) && !try_databases(&search, &named))
			break;
	}
	if (search.verdict != CASTSSL_HBA_NONE ||
		((!atom->any_user || is_all(atom, true)) && !search.partial && search.pairs < MAX_PAIRS))
		return search.verdict;
	/* not everything was tried: what the witness would look like */
	*witness = atom->connection;
	choose_address(sought, rest, 0, witness);
	return CASTSSL_HBA_POSSIBLE;
}
