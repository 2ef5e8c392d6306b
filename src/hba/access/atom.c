/*
 * atom.c
 *		An atom: connections that no rule can tell apart, in the shape of one of them.
 *
 * Whether a rule takes an atom is asked of castssl_hba_rule_matches, with the
 * atom in the place of the connection and what was said of it in that of the world.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/access/atom.h"

/* Give a name; false if there is another one. */
static bool
name_it(const char **name, const char *wanted)
{
	if (*name != NULL && strcmp(*name, wanted) != 0)
		return false;
	*name = wanted;
	return true;
}

static const char *
name_of(const CastsslHbaAtom *atom, int key)
{
	return atom->space->names.items[CASTSSL_KEY_NAME_OF(key)];
}

bool
castssl_hba_atom_user(CastsslHbaAtom *atom, int key)
{
	switch (CASTSSL_KEY_KIND(key))
	{
		case CASTSSL_KEY_NAME:
			return name_it(&atom->connection.user, name_of(atom, key));
		case CASTSSL_KEY_GROUP:
			atom->groups[atom->ngroups++] = CASTSSL_KEY_NAME_OF(key);
			return true;
		case CASTSSL_KEY_REGEXP:
			atom->user_patterns[atom->nuser_patterns++] = name_of(atom, key);
			return true;
		default:
			return true;
	}
}

bool
castssl_hba_atom_database(CastsslHbaAtom *atom, int key)
{
	switch (CASTSSL_KEY_KIND(key))
	{
		case CASTSSL_KEY_REPLICATION:
			atom->connection.replication = true;
			return true;
		case CASTSSL_KEY_NAME:
			return name_it(&atom->connection.database, name_of(atom, key));
		case CASTSSL_KEY_REGEXP:
			atom->database_patterns[atom->ndatabase_patterns++] = name_of(atom, key);
			return true;
		case CASTSSL_KEY_SAMEUSER:
			atom->sameuser = true;
			return true;
		case CASTSSL_KEY_SAMEROLE:
			atom->samerole = true;
			return true;
		default:
			return true;
	}
}

void
castssl_hba_atom_address(CastsslHbaAtom *atom, const CastsslHbaBox *box)
{
	if (box->by_word)
		atom->words[atom->nwords++] = &box->rule.address;
}

bool
castssl_hba_atom_settle(CastsslHbaAtom *atom)
{
	CastsslConnection *connection = &atom->connection;

	if (atom->sameuser && connection->user == NULL)
		connection->user = connection->database;
	atom->any_user = connection->user == NULL;
	if (atom->any_user)
		connection->user = atom->space->other_user;
	if (connection->replication)
	{
		connection->database = "";
		return true;
	}
	if (atom->sameuser)
	{
		atom->any_database = atom->any_user;
		return name_it(&connection->database, connection->user);
	}
	atom->any_database = connection->database == NULL;
	if (atom->any_database)
		connection->database = atom->space->other_database;
	return true;
}

void
castssl_hba_atom_channel(CastsslHbaAtom *atom, int channel)
{
	atom->connection.encryption = CASTSSL_ENCRYPTION(channel);
	atom->connection.family = channel == CASTSSL_CHANNEL_SOCKET ? 0 : 4;
}

static bool
is_one_of(const char *string, const char *const *strings, int count)
{
	for (int i = 0; i < count; i++)
		if (strcmp(strings[i], string) == 0)
			return true;
	return false;
}

/* ---- the world as an atom sees it ---- */

/* Is it a name that stands for others? */
static bool
is_any(const CastsslHbaAtom *atom, const char *name)
{
	return (atom->any_user && name == atom->connection.user) ||
		   (atom->any_database && name == atom->connection.database);
}

static CastsslAnswer
is_member(void *arg, const char *user, const char *role)
{
	const CastsslHbaAtom *atom = arg;
	const CastsslHbaWorld *world = atom->space->world;
	CastsslAnswer known = CASTSSL_UNKNOWN;

	if (atom->now && world->member != NULL && !is_any(atom, user) && !is_any(atom, role))
		known = world->member(world->arg, user, role);
	if (known != CASTSSL_UNKNOWN)
		return known;
	for (int i = 0; i < atom->ngroups; i++)
		if (strcmp(role, atom->space->names.items[atom->groups[i]]) == 0)
			return CASTSSL_YES;
	if (atom->samerole && strcmp(role, atom->connection.database) == 0)
		return CASTSSL_YES;
	/* who is in anything exists, and is a member of himself */
	return (atom->ngroups > 0 || atom->samerole) && strcmp(user, role) == 0 ? CASTSSL_YES
																			: CASTSSL_UNKNOWN;
}

static CastsslAnswer
is_found(void *arg, const char *pattern, const char *string)
{
	const CastsslHbaAtom *atom = arg;
	const CastsslHbaWorld *world = atom->space->world;
	CastsslAnswer known = CASTSSL_UNKNOWN;

	if (world->regexp != NULL && !is_any(atom, string))
		known = world->regexp(world->arg, pattern, string);
	if (known != CASTSSL_UNKNOWN)
		return known;
	return (strcmp(string, atom->connection.user) == 0 &&
			is_one_of(pattern, atom->user_patterns, atom->nuser_patterns)) ||
				   (strcmp(string, atom->connection.database) == 0 &&
					is_one_of(pattern, atom->database_patterns, atom->ndatabase_patterns))
			   ? CASTSSL_YES
			   : CASTSSL_UNKNOWN;
}

static CastsslAnswer
is_own_address(void *arg, uint8 family, const uint8 *address, bool network)
{
	const CastsslHbaAtom *atom = arg;

	/* an address of this host is in a network of this host */
	for (int i = 0; i < atom->nwords; i++)
		if (atom->words[i]->kind == CASTSSL_HBA_ADDRESS_SAMEHOST ||
			(atom->words[i]->kind == CASTSSL_HBA_ADDRESS_SAMENET && network))
			return CASTSSL_YES;
	return CASTSSL_UNKNOWN;
}

static CastsslAnswer
has_host_name(void *arg, uint8 family, const uint8 *address, const char *name)
{
	const CastsslHbaAtom *atom = arg;
	size_t length = strlen(name);

	for (int i = 0; i < atom->nwords; i++)
	{
		const char *known = atom->words[i]->name;

		if (known == NULL)
			continue;
		/* the server compares a name that begins with a dot with the end of the host's name */
		if (name[0] == '.' && strlen(known) > length)
			known += strlen(known) - length;
		if (pg_strcasecmp(known, name) == 0)
			return CASTSSL_YES;
	}
	return CASTSSL_UNKNOWN;
}

bool
castssl_hba_atom_possible(const CastsslHbaAtom *atom, bool of_user)
{
	void *arg = unconstify(CastsslHbaAtom *, atom);
	const CastsslConnection *connection = &atom->connection;

	for (int i = 0; i < atom->ngroups; i++)
		if (is_member(arg, connection->user, atom->space->names.items[atom->groups[i]]) ==
			CASTSSL_NO)
			return false;
	for (int i = 0; i < atom->nuser_patterns; i++)
		if (is_found(arg, atom->user_patterns[i], connection->user) == CASTSSL_NO)
			return false;
	if (of_user)
		return true;
	for (int i = 0; i < atom->ndatabase_patterns; i++)
		if (is_found(arg, atom->database_patterns[i], connection->database) == CASTSSL_NO)
			return false;
	return !atom->samerole || is_member(arg, connection->user, connection->database) != CASTSSL_NO;
}

/* ---- rules ---- */

/* Find the rules before limit that may take a connection in an interval. */
static void
find(CastsslHbaRules *rules, int limit, const CastsslConnection *connection,
	 const CastsslInterval *interval)
{
	CastsslHbaNames *names = &rules->space->names;
	int user = castssl_hba_names_number(names, connection->user, false);
	int database = castssl_hba_names_number(names, connection->database, false);
	/* a name that no rule has is looked for in no list: the count below is 0 */
	int keys[2] = { CASTSSL_KEY(CASTSSL_KEY_NAME, Max(user, 0)),
					CASTSSL_KEY(CASTSSL_KEY_NAME, Max(database, 0)) };
	CastsslInts users = { &keys[0], user >= 0 };
	CastsslInts databases = { &keys[1], database >= 0 };

	castssl_hba_rules_find(rules, &users, &databases, interval, limit);
}

void
castssl_hba_takers(CastsslHbaRules *rules, int limit, const CastsslHbaAtom *atom,
				   const CastsslInterval *interval, CastsslHbaParts *takers)
{
	CastsslHbaSpace *space = rules->space;
	CastsslHbaWorld world = { .member = is_member,
							  .regexp = is_found,
							  .own_address = is_own_address,
							  .host_name = has_host_name,
							  .arg = unconstify(CastsslHbaAtom *, atom) };

	find(rules, limit, &atom->connection, interval);
	/* rules of one kind give one answer */
	space->round++;
	for (int i = 0; i < rules->found.count; i++)
	{
		const CastsslHbaBox *box = &rules->boxes[rules->found.items[i]];
		int *answer = &space->answers[box->kind];

		if (*answer / 4 != space->round)
			*answer =
				space->round * 4 + castssl_hba_rule_matches(&box->rule, rules->policy->version,
															&atom->connection, &world);
		if (*answer % 4 == CASTSSL_YES)
			castssl_hba_parts_add(takers, &box->interval, rules->found.items[i]);
	}
	castssl_hba_patience_step(&space->patience, rules->found.count);
}

bool
castssl_hba_answers(CastsslHbaRules *rules, int rule, const CastsslConnection *connection)
{
	CastsslHbaAddress address = { .family = connection->family };
	CastsslInterval interval;

	if (connection->family != 0)
		address.kind = CASTSSL_HBA_ADDRESS_MASK;
	memcpy(address.address, connection->address, 16);
	memset(address.mask, 0xff, 16);
	interval = castssl_interval_of(&address);
	find(rules, rule, connection, &interval);
	castssl_ints_add(&rules->found, rule);
	for (int i = 0; i < rules->found.count; i++)
	{
		int found = rules->found.items[i];

		if (found < rules->nrules &&
			castssl_hba_rule_matches(&rules->policy->rules[found], rules->policy->version,
									 connection, rules->space->world) !=
				(found == rule ? CASTSSL_YES : CASTSSL_NO))
			return false;
	}
	return true;
}
