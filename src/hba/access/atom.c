/*
 * atom.c
 *		An atom: connections that no rule can tell apart, written as one of them.
 *
 * castssl_hba_rule_matches decides whether a rule takes an atom.  It gets the atom's connection,
 * and a world that knows what was said of the atom.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/access/atom.h"

bool
castssl_hba_atom_settle(CastsslHbaAtom *atom)
{
	CastsslConnection *connection = &atom->connection;
	bool sameuser = castssl_hba_atom_said(atom, true, CASTSSL_WORD_SAMEUSER, NULL) != NULL;

	memset(connection, 0, sizeof(CastsslConnection));
	connection->family = atom->channel == CASTSSL_CHANNEL_SOCKET ? 0 : 4;
	connection->encryption = castssl_hba_channel_encryption(atom->channel);
	atom->interval = castssl_interval_common(&castssl_hba_atom_box(atom, 0)->interval,
											 &castssl_hba_atom_box(atom, 1)->interval);
	connection->user = castssl_hba_atom_said(atom, false, CASTSSL_WORD_NAME, NULL);
	connection->database = castssl_hba_atom_said(atom, true, CASTSSL_WORD_NAME, NULL);
	connection->replication =
		castssl_hba_atom_said(atom, true, CASTSSL_WORD_REPLICATION, NULL) != NULL;
	if (connection->user == NULL && sameuser)
		connection->user = connection->database;
	if (connection->user == NULL)
		connection->user = atom->space->others[false][0];
	if (connection->replication)
		connection->database = "";
	else if (connection->database == NULL)
		connection->database = sameuser ? connection->user : atom->space->others[true][0];
	return castssl_hba_atom_holds(atom) != CASTSSL_NO;
}

bool
castssl_hba_atom_is_any(const CastsslHbaAtom *atom, const char *name)
{
	return name == atom->space->others[false][0] || name == atom->space->others[true][0];
}

const char *
castssl_hba_atom_said(const CastsslHbaAtom *atom, bool of_database, CastsslHbaWord kind,
					  const char *name)
{
	for (int i = 0; i < 2; i++)
	{
		int key = atom->sides[i].keys[of_database];
		const char *said = castssl_hba_key_name(atom->space, key);

		if (CASTSSL_KEY_KIND(key) == kind && (name == NULL || strcmp(name, said) == 0))
			return said;
	}
	return NULL;
}

/* ---- the world of an atom: what the real world knows, and what was said ---- */

static CastsslAnswer
is_member(void *arg, const char *user, const char *role)
{
	const CastsslHbaAtom *atom = arg;
	const CastsslHbaWorld *world = &atom->space->world;
	bool in_database = castssl_hba_atom_said(atom, true, CASTSSL_WORD_SAMEROLE, NULL) != NULL;
	bool in_group = castssl_hba_atom_said(atom, false, CASTSSL_WORD_GROUP, NULL) != NULL;
	CastsslAnswer known = CASTSSL_UNKNOWN;

	if (world->member != NULL && !castssl_hba_atom_is_any(atom, user) &&
		!castssl_hba_atom_is_any(atom, role))
		known = world->member(world->arg, user, role);
	if (known != CASTSSL_UNKNOWN || atom->is_doubted)
		return known;
	if ((in_database && strcmp(role, atom->connection.database) == 0) ||
		castssl_hba_atom_said(atom, false, CASTSSL_WORD_GROUP, role) != NULL)
		return CASTSSL_YES;
	/* a member of any role exists, and is a member of itself */
	return (in_database || in_group) && strcmp(user, role) == 0 ? CASTSSL_YES : CASTSSL_UNKNOWN;
}

static CastsslAnswer
is_found(void *arg, const char *pattern, const char *string)
{
	const CastsslHbaAtom *atom = arg;
	const CastsslHbaWorld *world = &atom->space->world;
	CastsslAnswer known = CASTSSL_UNKNOWN;

	if (world->regexp != NULL && !castssl_hba_atom_is_any(atom, string))
		known = world->regexp(world->arg, pattern, string);
	if (known != CASTSSL_UNKNOWN || atom->is_doubted)
		return known;
	for (int i = 0; i < 2; i++)
		if (strcmp(string, i == 0 ? atom->connection.user : atom->connection.database) == 0 &&
			castssl_hba_atom_said(atom, i, CASTSSL_WORD_REGEXP, pattern) != NULL)
			return CASTSSL_YES;
	return CASTSSL_UNKNOWN;
}

/* Is it a single address of the loopback network?  Then sets *address. */
static bool
is_loopback(const CastsslInterval *interval, CastsslHbaAddress *address)
{
	static const uint8 own[16] = { [15] = 1 };

	if (!castssl_interval_is_one(interval))
		return false;
	*address = castssl_interval_address(interval);
	return address->family == 4 ? address->address[0] == 127
								: memcmp(address->address, own, sizeof(own)) == 0;
}

static CastsslAnswer
is_own_address(void *arg, uint8 family, const uint8 *address, bool network)
{
	const CastsslHbaAtom *atom = arg;
	const CastsslHbaWorld *world = &atom->space->world;
	CastsslHbaAddress one;

	/* the addresses and networks of this host can change, except loopback addresses */
	if (world->own_address != NULL && is_loopback(&atom->interval, &one))
		return world->own_address(world->arg, one.family, one.address, network);
	/* an address of this host is in a network of this host */
	for (int i = 0; i < 2; i++)
	{
		CastsslHbaAddressKind kind = castssl_hba_atom_box(atom, i)->rule.address.kind;

		if (kind == CASTSSL_HBA_ADDRESS_SAMEHOST ||
			(kind == CASTSSL_HBA_ADDRESS_SAMENET && network))
			return CASTSSL_YES;
	}
	return CASTSSL_UNKNOWN;
}

static CastsslAnswer
has_host_name(void *arg, uint8 family, const uint8 *address, const char *name)
{
	size_t length = strlen(name);

	for (int i = 0; i < 2; i++)
	{
		const char *known = castssl_hba_atom_box(arg, i)->rule.address.name;

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

static CastsslHbaWorld
world_of(const CastsslHbaAtom *atom)
{
	return (CastsslHbaWorld){ .member = is_member,
							  .regexp = is_found,
							  .own_address = is_own_address,
							  .host_name = has_host_name,
							  .arg = unconstify(CastsslHbaAtom *, atom) };
}

/* ---- rules ---- */

CastsslAnswer
castssl_hba_atom_holds(const CastsslHbaAtom *atom)
{
	CastsslHbaAtom doubted = *atom;
	CastsslHbaWorld world = world_of(&doubted);
	CastsslAnswer all = CASTSSL_YES;

	doubted.is_doubted = true;
	/* does a rule take it that has these two keys and no other condition? */
	for (int i = 0; i < 2 && all != CASTSSL_NO; i++)
	{
		const CastsslHbaSide *side = &atom->sides[i];
		CastsslHbaToken words[2];
		CastsslHbaRule rule = { .type = atom->connection.family == 0 ? CASTSSL_HBA_LOCAL
																	 : CASTSSL_HBA_HOST,
								.address.kind = CASTSSL_HBA_ADDRESS_ALL,
								.users = { &words[false], 1 },
								.databases = { &words[true], 1 } };
		CastsslAnswer one;

		for (int j = 0; j < 2; j++)
		{
			words[j].string = atom->space->words[CASTSSL_KEY_NUMBER(side->keys[j])];
			words[j].quoted = CASTSSL_KEY_KIND(side->keys[j]) == CASTSSL_WORD_NAME;
		}
		one = castssl_hba_rule_matches(&rule, side->rules->version, &atom->connection, &world);
		if (one != CASTSSL_YES)
			all = one;
	}
	return all;
}

/*
 * Add to takers the rules above the side's rule that take the connection, whose address is in
 * the interval.  sure: only those that surely take it.
 */
static void
ask(const CastsslHbaSide *side, const CastsslConnection *connection,
	const CastsslInterval *interval, const CastsslHbaWorld *world, bool sure,
	CastsslHbaParts *takers)
{
	CastsslHbaSpace *space = side->rules->space;
	uint64 names[2] = { castssl_hba_name_bit(space, connection->user),
						castssl_hba_name_bit(space, connection->database) };
	CastsslInts found = { 0 };

	castssl_hba_rules_find(side->rules, names, interval, side->rule, &found);
	space->patience -= found.count;
	for (int i = 0; i < found.count; i++)
	{
		const CastsslHbaBox *other = &side->rules->boxes[found.items[i]];
		CastsslAnswer answer =
			castssl_hba_rule_matches(&other->rule, side->rules->version, connection, world);

		if (answer == CASTSSL_YES || (answer == CASTSSL_UNKNOWN && !sure))
			castssl_hba_parts_add(takers, &other->interval, found.items[i]);
	}
	castssl_ints_free(&found);
}

bool
castssl_hba_atom_left(const CastsslHbaAtom *atom, CastsslHbaParts *rest, int max,
					  CastsslInts *blocking)
{
	CastsslHbaParts *takers = &atom->space->takers;
	CastsslHbaWorld world = world_of(atom);

	takers->count = 0;
	ask(&atom->sides[0], &atom->connection, &atom->interval, &world, true, takers);
	if (atom->sides[1].rules != atom->sides[0].rules)
		ask(&atom->sides[1], &atom->connection, &atom->interval, &world, true, takers);
	return castssl_hba_left(takers, &atom->interval, &atom->space->patience, rest, max, blocking);
}

bool
castssl_hba_atom_answers(const CastsslHbaAtom *atom, const CastsslConnection *connection)
{
	CastsslHbaAddress address = { .kind = CASTSSL_HBA_ADDRESS_MASK, .family = connection->family };
	const CastsslHbaWorld *world = &atom->space->world;
	CastsslHbaParts *takers = &atom->space->takers;
	CastsslInterval interval;

	memcpy(address.address, connection->address, 16);
	memset(address.mask, connection->family != 0 ? 0xff : 0, 16);
	interval = castssl_interval_of(&address);
	takers->count = 0;
	for (int i = 0; i < 2; i++)
	{
		const CastsslHbaSide *side = &atom->sides[i];
		const CastsslHbaBox *box = castssl_hba_atom_box(atom, i);

		if (!castssl_interval_covers(&box->interval, &interval) ||
			(side->rule < side->rules->nrules &&
			 castssl_hba_rule_matches(&box->rule, side->rules->version, connection, world) !=
				 CASTSSL_YES))
			return false;
	}
	for (int i = 0; i < 2 && takers->count == 0; i++)
		ask(&atom->sides[i], connection, &interval, world, false, takers);
	return takers->count == 0;
}
