/*
 * compare.c
 *		What an edit of pg_hba.conf does to access.
 *
 * Each rule of the policy after is compared with the rules of the policy before that it meets.
 * A user key and a database key of both rules make an atom.  If the earlier rules of both
 * policies leave it some addresses, and there is a witness, it is a row.  Then rows that differ
 * in one column only are joined.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

#include "base/grow.h"
#include "hba/access/compare.h"
#include "hba/access/witness.h"
#include "hba/text/address.h"
#include "hba/text/write.h"

static const char *const channel_names[CASTSSL_NCHANNELS] = { "socket", "none", "tls", "gss" };

/* A person does not read more blocks: then the row shows the addresses that both rules have. */
#define MAX_BLOCKS 8

/* Set the keys of the users or databases to pair number n of those of the rules' lists. */
static bool
set_keys(CastsslHbaAtom *atom, bool of_database, int n)
{
	const CastsslInts *xs = &castssl_hba_atom_box(atom, 0)->keys[of_database];
	const CastsslInts *ys = &castssl_hba_atom_box(atom, 1)->keys[of_database];

	if (n >= xs->count * ys->count)
		return false;
	atom->sides[0].keys[of_database] = xs->items[n / ys->count];
	atom->sides[1].keys[of_database] = ys->items[n % ys->count];
	return true;
}

/*
 * Can the two keys of the users or databases be true together, and is there no better pair?  A
 * key that both lists have makes a pair with itself, and with no other key.
 */
static bool
is_pair(const CastsslHbaAtom *atom, bool of_database)
{
	int x = atom->sides[0].keys[of_database];
	int y = atom->sides[1].keys[of_database];
	CastsslHbaWord kinds[2] = { CASTSSL_KEY_KIND(x), CASTSSL_KEY_KIND(y) };

	if (x == y)
		return true;
	return (kinds[0] != CASTSSL_WORD_NAME || kinds[1] != CASTSSL_WORD_NAME) &&
		   kinds[0] != CASTSSL_WORD_REPLICATION && kinds[1] != CASTSSL_WORD_REPLICATION &&
		   !castssl_ints_has(&castssl_hba_atom_box(atom, 1)->keys[of_database], x) &&
		   !castssl_ints_has(&castssl_hba_atom_box(atom, 0)->keys[of_database], y);
}

/* A name as it is written in the file. */
static const char *
as_written(const char *name)
{
	StringInfoData text;

	initStringInfo(&text);
	castssl_hba_write_name(&text, name);
	name = pstrdup(text.data); /* there may be many rows */
	pfree(text.data);
	return name;
}

/* The text for the users or the databases of an atom. */
static const char *
column_text(const CastsslHbaAtom *atom, bool of_database)
{
	const char *name = of_database ? atom->connection.database : atom->connection.user;
	int x = atom->sides[0].keys[of_database];
	int y = atom->sides[1].keys[of_database];
	const char *words[2] = { atom->space->words[CASTSSL_KEY_NUMBER(x)],
							 atom->space->words[CASTSSL_KEY_NUMBER(y)] };

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

/* The text of a rule's address field, if it is not a CIDR block; else NULL. */
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
address_text(const CastsslHbaAtom *atom, CastsslHbaParts *rest)
{
	char *x = word_of(castssl_hba_atom_box(atom, 0));
	char *y = word_of(castssl_hba_atom_box(atom, 1));
	char *words = x == NULL || (y != NULL && strcmp(x, y) == 0) ? y
				  : y == NULL                                   ? x
																: psprintf("%s and %s", x, y);
	char *blocks = NULL;

	if (atom->channel == CASTSSL_CHANNEL_SOCKET)
		return NULL;
	if (rest->count > MAX_BLOCKS)
	{
		rest->count = 1;
		rest->items[0].interval = atom->interval;
	}
	for (int i = 0; i < rest->count; i++)
	{
		CastsslInterval block = castssl_interval_block(&rest->items[i].interval);
		char *text = interval_text(&block);

		blocks = i == 0 ? text : psprintf("%s, %s", blocks, text);
	}
	/* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): there is a block at least */
	if (strcmp(blocks, "all") == 0 || strcmp(blocks, "0.0.0.0/0, ::/0") == 0)
		return words == NULL ? pstrdup("all") : words;
	return words == NULL ? blocks : psprintf("%s in %s", words, blocks);
}

/* Join rows of a pair, from first on, that differ in the database only (or in the user only). */
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
				(row.address != NULL && strcmp(other->address, row.address) != 0) ||
				strcmp(databases ? other->user : other->database,
					   databases ? row.user : row.database) != 0)
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

/* The number of a side's rule; -1: no line. */
static int
rule_of(const CastsslHbaSide *side)
{
	return side->rule < side->rules->nrules ? side->rule : -1;
}

static void
add_row(const CastsslHbaDifference *row, CastsslHbaDifferences *differences)
{
	CASTSSL_GROW(differences->items, differences->count, differences->capacity);
	differences->items[differences->count++] = *row;
}

/* Add the row of an atom, if there is one. */
static void
add_atom(const CastsslHbaAtom *atom, CastsslHbaChange change, CastsslHbaDifferences *differences)
{
	CastsslHbaDifference row = { .change = change,
								 .encryption = channel_names[atom->channel],
								 .before_rule = rule_of(&atom->sides[0]),
								 .after_rule = rule_of(&atom->sides[1]) };
	CastsslHbaParts *rest = &atom->space->rest;
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
	add_row(&row, differences);
}

/*
 * Add the rows for connections that the pair's first rule answered before and its second rule
 * answers now.  pair has the rules and a channel.  No rule tells that channel apart from the
 * others in channels.
 */
static void
compare_pair(const CastsslHbaAtom *pair, uint8 channels, CastsslHbaChange change,
			 CastsslHbaDifferences *differences)
{
	CastsslHbaAtom atom = *pair;
	int first = differences->count;
	int count;

	for (int i = 0; set_keys(&atom, true, i); i++)
		for (int j = 0; is_pair(&atom, true) && set_keys(&atom, false, j); j++)
			if (is_pair(&atom, false) && castssl_hba_atom_settle(&atom))
				add_atom(&atom, change, differences);
	join(differences, first, false);
	join(differences, first, true);
	count = differences->count;
	for (int i = first; i < count; i++)
	{
		CastsslHbaDifference *row = &differences->items[i];

		row->before = i > first ? row[-1].before
								: castssl_hba_outcome_text(&castssl_hba_atom_box(pair, 0)->rule);
		row->after = i > first ? row[-1].after
							   : castssl_hba_outcome_text(&castssl_hba_atom_box(pair, 1)->rule);
	}
	for (int channel = pair->channel + 1; channel < CASTSSL_NCHANNELS; channel++)
		for (int i = first; i < count && (channels >> channel & 1) != 0; i++)
		{
			CastsslHbaDifference row = differences->items[i];

			row.encryption = channel_names[channel];
			row.witness.encryption = castssl_hba_channel_encryption(channel);
			add_row(&row, differences);
		}
}

static void
compare_policies(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after, uint8 channels,
				 const CastsslHbaWorld *world, CastsslHbaDifferences *differences)
{
	const CastsslHbaPolicy *policies[2] = { before, after };
	CastsslHbaRules rules[2];
	CastsslHbaSpace *space = castssl_hba_space_create(world, policies, 2, rules);
	CastsslInts found = { 0 };

	for (int side = 0; side < 2; side++)
		for (int i = 0; i <= rules[side].nrules; i++)
			rules[side].boxes[i].twin =
				castssl_hba_rules_twin(&rules[1 - side], &rules[side].boxes[i]);
	for (int y = 0; y <= after->nrules; y++)
	{
		const CastsslHbaBox *box = &rules[1].boxes[y];

		found.count = 0;
		castssl_hba_rules_find(&rules[0], box->names, &box->interval, before->nrules, &found);
		castssl_ints_add(&found, before->nrules);
		for (int i = 0; i < found.count; i++)
		{
			int x = found.items[i];
			uint8 both = channels & box->channels & rules[0].boxes[x].channels;
			CastsslHbaAtom pair = { space, { { &rules[0], x }, { &rules[1], y } } };
			CastsslHbaChange change;

			/* a twin above the other rule takes everything that both take */
			if (both == 0 || rules[0].boxes[x].twin < y || box->twin < x ||
				!castssl_hba_outcome_change(&rules[0].boxes[x].outcome, &box->outcome, &change))
				continue;
			for (; pair.channel < CASTSSL_NCHANNELS; pair.channel++)
				if ((both >> pair.channel & 1) != 0)
				{
					compare_pair(&pair, both & space->alike[pair.channel], change, differences);
					both &= ~space->alike[pair.channel];
				}
		}
	}
	castssl_ints_free(&found);
}

static int
compare_differences(const void *left, const void *right)
{
	const CastsslHbaDifference *a = left;
	const CastsslHbaDifference *b = right;
	int order = a->change - b->change;

	if (order == 0)
		order = (a->witness.family != 0) - (b->witness.family != 0);
	if (order == 0)
		order = (int) a->witness.encryption - (int) b->witness.encryption;
	/* -1 (no line) comes last, as the largest uint32 */
	if (order == 0 && a->after_rule != b->after_rule)
		order = (uint32) a->after_rule < (uint32) b->after_rule ? -1 : 1;
	if (order == 0 && a->before_rule != b->before_rule)
		order = (uint32) a->before_rule < (uint32) b->before_rule ? -1 : 1;
	if (order == 0)
		order = strcmp(a->database, b->database);
	if (order == 0)
		order = strcmp(a->user, b->user);
	return order;
}

void
castssl_hba_differences_sort(CastsslHbaDifferences *differences)
{
	if (differences->count > 1)
		qsort(differences->items, differences->count, sizeof(CastsslHbaDifference),
			  compare_differences);
}

void
castssl_hba_compare(const CastsslHbaPolicy *before, bool tls_before, const CastsslHbaPolicy *after,
					bool tls_after, const CastsslHbaWorld *world,
					CastsslHbaDifferences *differences)
{
	CastsslHbaPolicy none = { .version = after->version };
	uint8 channels = CASTSSL_CHANNELS_ALL;

	if (!tls_after)
		channels &= ~(1 << CASTSSL_CHANNEL_TLS);
	compare_policies(before, after, channels, world, differences);
	/* with TLS off, every connection over TLS is refused */
	if (tls_before && !tls_after)
		compare_policies(before, &none, 1 << CASTSSL_CHANNEL_TLS, world, differences);
	castssl_hba_differences_sort(differences);
}
