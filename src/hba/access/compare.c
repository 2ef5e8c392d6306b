/*
 * compare.c
 *		What an edit of pg_hba.conf does to access.
 *
 * Both policies begin and end with the same rules; what is between differs.  Where
 * neither rule that answers a connection differs, it is the same rule.  So every
 * change is where a differing rule answers on one side, and each of those is looked at
 * with the rules of the other side that it meets.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <limits.h>

#include "hba/access/compare.h"
#include "hba/access/rows.h"

static const char *const channel_names[CASTSSL_NCHANNELS] = { "socket", "none", "tls", "gss" };

/* A policy. */
typedef struct Side
{
	CastsslHbaRules *rules;
	CastsslHbaOutcome *outcomes;
	int differing; /* the rules from here on ... */
	int same;      /* ... up to this one are others than on the other side */
	int *twin; /* of each rule: one of the other side that takes all that it takes; or INT_MAX */
} Side;

typedef struct Comparison
{
	CastsslHbaRules rules[2];
	Side before;
	Side after;
	CastsslHbaSought sought;
	CastsslHbaDifferences *differences;
} Comparison;

/* The names that a side uses: a witness may have one of them. */
static void
collect_names(const CastsslInts *keys, CastsslInts *names)
{
	for (int i = 0; i < keys->count; i++)
		if (CASTSSL_KEY_KIND(keys->items[i]) == CASTSSL_KEY_NAME ||
			CASTSSL_KEY_KIND(keys->items[i]) == CASTSSL_KEY_GROUP)
			castssl_ints_add(names, CASTSSL_KEY_NAME_OF(keys->items[i]));
}

static bool
takes_the_same(const CastsslHbaBox *a, const CastsslHbaBox *b)
{
	return a->kind == b->kind && a->channels == b->channels &&
		   castssl_interval_compare(&a->interval, &b->interval) == 0;
}

static bool
is_same(const Comparison *comparison, int x, int y)
{
	CastsslHbaChange change;

	return takes_the_same(&comparison->before.rules->boxes[x],
						  &comparison->after.rules->boxes[y]) &&
		   !castssl_hba_outcome_change(&comparison->before.outcomes[x],
									   &comparison->after.outcomes[y], &change);
}

/* What is the same at the beginning and at the end, "no line" included. */
static void
find_differing(Comparison *comparison)
{
	Side *before = &comparison->before;
	Side *after = &comparison->after;
	int start = 0;
	int x = before->rules->nrules;
	int y = after->rules->nrules;

	while (start < Min(x, y) && is_same(comparison, start, start))
		start++;
	while (Min(x, y) > start && is_same(comparison, x - 1, y - 1))
	{
		x--;
		y--;
	}
	before->differing = after->differing = start;
	before->same = x;
	after->same = y;
}

/* The first rule of the other side that takes just what a rule takes. */
static int
find_twin(const CastsslHbaBox *box, const Side *other)
{
	CastsslHbaRules *rules = other->rules;
	int twin = INT_MAX;

	castssl_hba_rules_find(rules, &box->users, &box->databases, &box->interval, rules->nrules);
	for (int i = 0; i < rules->found.count; i++)
		if (rules->found.items[i] < twin &&
			takes_the_same(box, &rules->boxes[rules->found.items[i]]))
			twin = rules->found.items[i];
	return twin;
}

static void
find_twins(Side *side, const Side *other)
{
	side->twin = palloc((side->rules->nrules + 1) * sizeof(int));
	for (int i = 0; i <= side->rules->nrules; i++)
		side->twin[i] = i < side->differing ? i
						: i >= side->same   ? i - side->same + other->same
											: find_twin(&side->rules->boxes[i], other);
}

static void
read_side(Comparison *comparison, Side *side, const CastsslHbaPolicy *policy)
{
	side->rules = &comparison->rules[side == &comparison->after];
	side->outcomes = palloc((policy->nrules + 1) * sizeof(CastsslHbaOutcome));
	for (int i = 0; i <= policy->nrules; i++)
		side->outcomes[i] = castssl_hba_outcome(
			i < policy->nrules && policy->rules[i].error == NULL ? &policy->rules[i] : NULL);
}

/* The rows of plaintext, from the given one on, once more for another channel. */
static void
repeat_rows(CastsslHbaDifferences *differences, int first, int channel)
{
	int count = differences->count;

	for (int i = first; i < count; i++)
		if (differences->items[i].encryption == channel_names[CASTSSL_CHANNEL_NONE])
		{
			CastsslHbaDifference row = differences->items[i];

			row.encryption = channel_names[channel];
			row.witness.encryption = CASTSSL_ENCRYPTION(channel);
			castssl_hba_difference_add(differences, &row);
		}
}

/* Add the rows where x answered before and y answers after, if these can be at all. */
static void
compare_pair(Comparison *comparison, int x, int y, uint8 channels)
{
	const Side *before = &comparison->before;
	const Side *after = &comparison->after;
	const CastsslHbaBox *a = &before->rules->boxes[x];
	const CastsslHbaBox *b = &after->rules->boxes[y];
	CastsslHbaDifferences *differences = comparison->differences;
	CastsslHbaSought *sought = &comparison->sought;
	CastsslHbaDifference row = { 0 };
	int first = differences->count;

	channels &= a->channels & b->channels;
	/* behind a twin of the other one neither of them answers what both take */
	if (before->twin[x] < y || after->twin[y] < x || channels == 0 ||
		!castssl_hba_outcome_change(&before->outcomes[x], &after->outcomes[y], &row.change))
		return;
	sought->x = x;
	sought->y = y;
	sought->interval = castssl_interval_common(&a->interval, &b->interval);
	row.before_rule = x < before->rules->nrules ? x : -1;
	row.after_rule = y < after->rules->nrules ? y : -1;
	for (sought->channel = 0; sought->channel < CASTSSL_NCHANNELS; sought->channel++)
	{
		if ((channels >> sought->channel & 1) == 0)
			continue;
		row.encryption = channel_names[sought->channel];
		if (sought->channel > CASTSSL_CHANNEL_NONE && !sought->before->space->by_encryption &&
			(channels >> CASTSSL_CHANNEL_NONE & 1) != 0)
			repeat_rows(differences, first, sought->channel);
		else
			castssl_hba_pair_rows(sought, &row, differences);
	}
	if (first == differences->count)
		return;
	row.before = castssl_hba_outcome_text(row.before_rule < 0 ? NULL : &a->rule);
	row.after = castssl_hba_outcome_text(row.after_rule < 0 ? NULL : &b->rule);
	for (int i = first; i < differences->count; i++)
	{
		differences->items[i].before = row.before;
		differences->items[i].after = row.after;
	}
}

/*
 * Compare the differing rules of a side with all that they meet on the other one,
 * or, the second time, with all that do not differ.
 */
static void
compare_differing(Comparison *comparison, const Side *side, const Side *other, bool second,
				  uint8 channels)
{
	CastsslInts others = { 0 };

	for (int i = side->differing; i < side->same; i++)
	{
		const CastsslHbaBox *box = &side->rules->boxes[i];

		if (box->channels == 0)
			continue;
		castssl_hba_rules_find(other->rules, &box->users, &box->databases, &box->interval,
							   other->rules->nrules);
		/* the next search must not change it */
		castssl_ints_free(&others);
		others = other->rules->found;
		other->rules->found = (CastsslInts){ 0 };
		castssl_ints_add(&others, other->rules->nrules);
		for (int j = 0; j < others.count; j++)
			if (!second)
				compare_pair(comparison, others.items[j], i, channels);
			else if (others.items[j] < other->differing || others.items[j] >= other->same)
				compare_pair(comparison, i, others.items[j], channels);
	}
	castssl_ints_free(&others);
}

static void
compare_policies(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after, uint8 channels,
				 const CastsslHbaWorld *world, CastsslHbaDifferences *differences)
{
	const CastsslHbaPolicy *policies[2] = { before, after };
	Comparison comparison = { .differences = differences };
	CastsslInts names[2] = { { 0 } };

	castssl_hba_space_create(world, policies, 2, comparison.rules);
	read_side(&comparison, &comparison.before, before);
	read_side(&comparison, &comparison.after, after);
	find_differing(&comparison);
	find_twins(&comparison.before, &comparison.after);
	find_twins(&comparison.after, &comparison.before);
	for (int s = 0; s < 2; s++)
		for (int i = 0; i < policies[s]->nrules; i++)
		{
			collect_names(&comparison.rules[s].boxes[i].users, &names[0]);
			collect_names(&comparison.rules[s].boxes[i].databases, &names[1]);
		}
	castssl_ints_unique(&names[0]);
	castssl_ints_unique(&names[1]);
	comparison.sought = (CastsslHbaSought){ .before = &comparison.rules[0],
											.after = &comparison.rules[1],
											.role_names = &names[0],
											.database_names = &names[1] };
	compare_differing(&comparison, &comparison.after, &comparison.before, false, channels);
	compare_differing(&comparison, &comparison.before, &comparison.after, true, channels);
}

static int
channel_of(const CastsslConnection *connection)
{
	return connection->family == 0 ? CASTSSL_CHANNEL_SOCKET
								   : CASTSSL_CHANNEL_NONE + (int) connection->encryption;
}

static int
compare_differences(const void *left, const void *right)
{
	const CastsslHbaDifference *a = left;
	const CastsslHbaDifference *b = right;
	int order = a->change - b->change;

	if (order == 0)
		order = channel_of(&a->witness) - channel_of(&b->witness);
	/* -1, no line, comes last, as it is the last to answer */
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
castssl_hba_compare(const CastsslHbaPolicy *before, bool tls_before, const CastsslHbaPolicy *after,
					bool tls_after, const CastsslHbaWorld *world,
					CastsslHbaDifferences *differences)
{
	CastsslHbaPolicy none = { .version = after->version };
	uint8 channels = (1 << CASTSSL_NCHANNELS) - 1;

	if (!tls_after)
		channels &= ~(1 << CASTSSL_CHANNEL_TLS);
	compare_policies(before, after, channels, world, differences);
	/* no channel, no access */
	if (tls_before && !tls_after)
		compare_policies(before, &none, 1 << CASTSSL_CHANNEL_TLS, world, differences);
	if (differences->count > 1)
		qsort(differences->items, differences->count, sizeof(CastsslHbaDifference),
			  compare_differences);
}
