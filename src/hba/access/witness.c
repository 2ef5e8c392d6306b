/*
 * witness.c
 *		Find a connection that one rule answers in one policy and another rule in another.
 *
 * The calculation with keys says where a witness can be.  Here names and an
 * address are chosen and both policies are asked what they do with them.  If an
 * earlier rule answers, because of what only the world knows (alice is in +b),
 * that is learned, and the calculation goes on with it.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <arpa/inet.h>
#include <sys/socket.h>

#include "hba/access/witness.h"

/* How much is tried before "possible" is the answer. */
#define MAX_ROUNDS 32   /* of learning, for one pair of names */
#define MAX_ADDRESSES 4 /* for one round */
#define MAX_FRUITLESS 5 /* pairs of names whose verdict is "possible" */
#define MAX_NAMES 2000  /* names looked at for one field */

/* What gives the names to try, one after the other. */
typedef enum NameStep
{
	STEP_INVENTED,
	STEP_KEYS,
	STEP_MENTIONED,
	STEP_ROLES,
	STEP_END
} NameStep;

typedef struct Names
{
	const CastsslHbaSought *sought;
	const CastsslHbaClass *class;
	bool of_user;
	bool asked; /* something is asked of the name: not any will do */
	NameStep step;
	int next;
	int count;
	bool complete; /* if the names end, there can be no other */
} Names;

typedef struct Search
{
	const CastsslHbaSought *sought;
	CastsslHbaClass *class;
	CastsslConnection *witness;
	CastsslHbaVerdict verdict;
	int fruitless;
} Search;

void
castssl_hba_sought_rest(const CastsslHbaSought *sought, const CastsslHbaClass *class,
						CastsslPrefixes *rest, int max)
{
	CastsslHbaSource sources[2] = { { sought->before, sought->x }, { sought->after, sought->y } };

	castssl_hba_left_over(sources, 2, class, sought->predicates, sought->npredicates,
						  &sought->blocks, rest, max, NULL);
}

/* Addresses that are likely to have a predicate: false if n is beyond them. */
static bool
likely_address(const CastsslHbaSought *sought, int n, CastsslConnection *connection)
{
	static const char *const own[] = { "127.0.0.1", "::1", "127.0.0.2" };
	const char *name = sought->before->universe->names[sought->predicates[0]];
	char text[64];

	if (n < lengthof(own))
		strlcpy(text, own[n], sizeof(text));
	else if (n == lengthof(own))
	{
		/* "mask:10.0.0.3/255.0.0.255": the network is in it */
		const char *network = strncmp(name, "mask:", 5) == 0 ? name + 5 : own[0];

		strlcpy(text, network, Min(sizeof(text), strcspn(network, "/") + 1));
	}
	else
		return false;
	connection->family = strchr(text, ':') != NULL ? 6 : 4;
	memset(connection->address, 0, 16);
	inet_pton(connection->family == 6 ? AF_INET6 : AF_INET, text, connection->address);
	return true;
}

/* The n-th address to try of what is left. */
static void
choose_address(const CastsslHbaSought *sought, const CastsslPrefixes *rest, int n,
			   CastsslConnection *connection)
{
	if (sought->channel == CASTSSL_CHANNEL_SOCKET)
		connection->family = 0;
	else
		castssl_prefix_example(&rest->items[n % rest->count], n / rest->count, &connection->family,
							   connection->address);
}

/* Learn from the earlier rule that answers instead; false if that is nothing new. */
static bool
learn(CastsslHbaIndex *index, int found, int wanted, CastsslHbaClass *class)
{
	return found < wanted &&
		   castssl_hba_class_learn(class, index->universe, index->boxes[found], true);
}

/*
 * Try one connection.  *learned is set if that has told something about the
 * class that was not known.
 */
static bool
is_witness(const CastsslHbaSought *sought, CastsslHbaClass *class,
		   const CastsslConnection *connection, bool *learned)
{
	int doubt_before;
	int doubt_after;
	int before = castssl_hba_index_match(sought->before, connection, &doubt_before);
	int after = castssl_hba_index_match(sought->after, connection, &doubt_after);

	if (before == sought->x && after == sought->y)
		return doubt_before < 0 && doubt_after < 0;
	*learned = learn(sought->before, before, sought->x, class) ||
			   learn(sought->after, after, sought->y, class);
	return false;
}

/* One round for one pair of names: *again is set if something was learned. */
static CastsslHbaVerdict
try_addresses(const CastsslHbaSought *sought, CastsslHbaClass *class, CastsslConnection *connection,
			  bool *again)
{
	CastsslPrefixes rest = { 0 };
	bool found = false;

	*again = false;
	castssl_hba_sought_rest(sought, class, &rest, 4);
	if (rest.count == 0)
		return CASTSSL_HBA_NONE;
	for (int i = 0; !found && !*again && sought->npredicates > 0; i++)
	{
		if (!likely_address(sought, i, connection))
			break;
		found = is_witness(sought, class, connection, again);
	}
	for (int i = 0; !found && !*again && i < MAX_ADDRESSES; i++)
	{
		if (sought->before->questions == 0 || sought->after->questions == 0 ||
			(sought->channel == CASTSSL_CHANNEL_SOCKET && i > 0))
			break;
		choose_address(sought, &rest, i, connection);
		found = is_witness(sought, class, connection, again);
	}
	if (!found)
		choose_address(sought, &rest, 0, connection);
	pfree(rest.items);
	return found ? CASTSSL_HBA_CERTAIN : CASTSSL_HBA_POSSIBLE;
}

/* Try one pair of names.  False: the search is over. */
static bool
try_names(Search *search, const CastsslHbaClass *settled)
{
	const CastsslHbaSought *sought = search->sought;
	CastsslHbaClass class = *settled;
	CastsslConnection connection = { 0 };
	CastsslHbaVerdict verdict = CASTSSL_HBA_POSSIBLE;
	bool again = true;

	if (!castssl_hba_class_settle(&class, sought->before->universe, true))
		return true;
	connection.user = class.user;
	connection.database = class.replication ? "" : class.database;
	connection.replication = class.replication;
	connection.encryption = castssl_hba_channel_encryption(sought->channel);
	for (int round = 0; round < MAX_ROUNDS && again; round++)
		verdict = try_addresses(sought, &class, &connection, &again);
	castssl_hba_class_adopt(search->class, &class);
	if (verdict > search->verdict)
	{
		search->verdict = verdict;
		*search->witness = connection;
	}
	if (verdict == CASTSSL_HBA_POSSIBLE)
		search->fruitless++;
	if (sought->before->questions == 0 || sought->after->questions == 0)
		search->fruitless = MAX_FRUITLESS; /* LCOV_EXCL_LINE: takes 100,000 questions */
	return search->verdict != CASTSSL_HBA_CERTAIN && search->fruitless < MAX_FRUITLESS;
}

/* A name that no rule uses, and that a regular expression might match. */
static const char *
invent(const Names *names, int n)
{
	static const char *const users[] = { "other_user", "someone", "x1" };
	static const char *const databases[] = { "other_database", "elsewhere", "y2" };
	CastsslHbaUniverse *universe = names->sought->before->universe;
	const int *keys = names->of_user ? names->class->users : names->class->databases;
	int nkeys = names->of_user ? names->class->nusers : names->class->ndatabases;
	const char *stem = names->of_user ? users[n] : databases[n];

	/* what is literal in a pattern often matches it, alone or with something behind */
	for (int i = 0; i < nkeys; i++)
		if (CASTSSL_KEY_KIND(keys[i]) == CASTSSL_KEY_REGEXP)
		{
			const char *pattern = universe->names[CASTSSL_KEY_NAME_OF(keys[i])];
			size_t length;

			pattern += strspn(pattern, "^(");
			length = strcspn(pattern, "[](){}.*+?^$|\\");
			if (length > 0)
				return psprintf("%.*s%s", (int) length, pattern, n == 0 ? "" : stem);
		}
	while (castssl_hba_universe_name(universe, stem, false) != CASTSSL_ABSENT)
		stem = psprintf("%s_", stem);
	return stem;
}

/* The next name to try; NULL: no more. */
static const char *
next_name(Names *names)
{
	const CastsslHbaSought *sought = names->sought;
	const CastsslHbaUniverse *universe = sought->before->universe;
	const CastsslHbaWorld *world = universe->world;
	const CastsslInts *mentioned = names->of_user ? sought->role_names : sought->database_names;
	int i;

	for (; names->step < STEP_END; names->step++, names->next = 0)
		while (true)
		{
			if (names->count > MAX_NAMES)
			{
				names->complete = false;
				return NULL;
			}
			i = names->next++;
			if (names->step == STEP_INVENTED)
			{
				if (i == 3)
					break;
				names->count++;
				return invent(names, i);
			}
			if (names->step == STEP_KEYS)
			{
				/* a group is a role that is a member of itself; also a database for samerole */
				if (i >= names->class->nusers)
					break;
				if (CASTSSL_KEY_KIND(names->class->users[i]) != CASTSSL_KEY_GROUP)
					continue;
				names->count++;
				return universe->names[CASTSSL_KEY_NAME_OF(names->class->users[i])];
			}
			if (names->step == STEP_MENTIONED)
			{
				if (!names->asked || i >= mentioned->count)
					break;
				names->count++;
				return universe->names[mentioned->items[i]];
			}
			if (world == NULL || world->roles == NULL || i >= world->nroles ||
				(!names->asked && i == 16))
				break;
			names->count++;
			return world->roles[i];
		}
	return NULL;
}

static Names
start_names(const CastsslHbaSought *sought, const CastsslHbaClass *class, bool of_user)
{
	Names names = { sought, class, of_user, class->samerole, STEP_INVENTED, 0, 0, false };
	const CastsslHbaWorld *world = sought->before->universe->world;
	const int *keys = of_user ? class->users : class->databases;
	int nkeys = of_user ? class->nusers : class->ndatabases;
	bool regexp = false;
	bool group = class->samerole;

	for (int i = 0; i < nkeys; i++)
	{
		regexp = regexp || CASTSSL_KEY_KIND(keys[i]) == CASTSSL_KEY_REGEXP;
		group = group || (of_user && CASTSSL_KEY_KIND(keys[i]) == CASTSSL_KEY_GROUP);
	}
	names.asked = regexp || group;
	/* only a role that exists is in a group */
	names.complete = group && world != NULL && world->roles != NULL;
	if (group && !regexp)
		names.step = STEP_KEYS;
	return names;
}

/* Try every database for a class whose user is named.  False: the search is over. */
static bool
try_databases(Search *search, const CastsslHbaClass *class, bool *complete)
{
	Names names;
	const char *name;

	if (class->replication || class->database != NULL)
		return try_names(search, class);
	if (class->sameuser)
	{
		CastsslHbaClass named = *class;

		named.database = class->user;
		return try_names(search, &named);
	}
	if (class->samerole)
	{
		/* the user himself is the likeliest */
		CastsslHbaClass named = *class;

		named.database = class->user;
		if (!try_names(search, &named))
			return false;
	}
	names = start_names(search->sought, class, false);
	while ((name = next_name(&names)) != NULL)
	{
		CastsslHbaClass named = *class;

		named.database = name;
		if (!try_names(search, &named))
			return false;
	}
	*complete = *complete && names.complete;
	return true;
}

/* Nothing was found, but not everything was tried: what the witness would look like. */
static CastsslHbaVerdict
imagine(const CastsslHbaSought *sought, const CastsslHbaClass *class, CastsslConnection *witness)
{
	CastsslPrefixes rest = { 0 };

	castssl_hba_sought_rest(sought, class, &rest, 0);
	if (rest.count == 0)
		return CASTSSL_HBA_NONE;
	memset(witness, 0, sizeof(CastsslConnection));
	choose_address(sought, &rest, 0, witness);
	witness->user = class->user != NULL ? class->user : "other_user";
	witness->database = class->replication        ? ""
						: class->database != NULL ? class->database
						: class->sameuser         ? witness->user
												  : "other_database";
	witness->replication = class->replication;
	witness->encryption = castssl_hba_channel_encryption(sought->channel);
	return CASTSSL_HBA_POSSIBLE;
}

CastsslHbaVerdict
castssl_hba_find_witness(const CastsslHbaSought *sought, CastsslHbaClass *class,
						 CastsslConnection *witness)
{
	Search search = { sought, class, witness, CASTSSL_HBA_NONE, 0 };
	bool complete = true;

	if (class->user != NULL)
		try_databases(&search, class, &complete);
	else
	{
		Names names = start_names(sought, class, true);
		const char *name;

		while ((name = next_name(&names)) != NULL)
		{
			CastsslHbaClass named = *class;

			named.user = name;
			if (!try_databases(&search, &named, &complete))
				break;
		}
		complete = complete && names.complete;
	}
	if (search.verdict == CASTSSL_HBA_NONE && !complete)
		return imagine(sought, class, witness);
	return search.verdict;
}
