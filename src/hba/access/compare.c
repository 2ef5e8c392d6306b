/*
 * compare.c
 *		What an edit of pg_hba.conf does to access.
 *
 * Each channel (socket, plaintext, TLS, GSSAPI) by itself: there each policy is
 * an ordered list of boxes, of which the first that takes a connection answers.
 * Whatever changes does so where some x answered before and some y answers after,
 * so all pairs that can meet (overlap.c) and whose outcomes differ are looked at
 * (pair.c).
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/access/compare.h"
#include "hba/access/outcome.h"
#include "hba/access/overlap.h"
#include "hba/access/pair.h"

static const char *const channel_names[CASTSSL_NCHANNELS] = { "socket", "none", "tls", "gss" };

/* A policy, and what is the same of it for all channels. */
typedef struct Side
{
	const CastsslHbaPolicy *policy;
	CastsslHbaBox *boxes;
	CastsslHbaOutcome *outcomes;
} Side;

/* A policy in one channel. */
typedef struct Half
{
	const Side *side;
	const CastsslHbaBox **boxes; /* the last one is "no line" */
	int nboxes;
	CastsslHbaIndex *index;
	int *covers; /* for each box: the position of a box of the other half that covers it */
} Half;

typedef struct Comparison
{
	CastsslHbaUniverse *universe;
	CastsslHbaBox no_line;
	CastsslHbaOutcome refused;
	Side before;
	Side after;
	CastsslInts role_names;
	CastsslInts database_names;
	CastsslHbaDifferences *differences;
} Comparison;

static const CastsslHbaRule *
rule_of(const Half *half, int position)
{
	int rule = half->boxes[position]->rule;

	return rule < 0 ? NULL : &half->side->policy->rules[rule];
}

static const CastsslHbaOutcome *
outcome_of(const Comparison *comparison, const Half *half, int position)
{
	int rule = half->boxes[position]->rule;

	return rule < 0 ? &comparison->refused : &half->side->outcomes[rule];
}

/* The names that a side uses for users and databases: a witness may have one of them. */
static void
collect_names(Comparison *comparison, const Side *side)
{
	for (int i = 0; i < side->policy->nrules; i++)
	{
		const CastsslHbaBox *box = &side->boxes[i];

		for (int j = 0; j < box->nusers; j++)
			if (CASTSSL_KEY_KIND(box->users[j]) == CASTSSL_KEY_NAME ||
				CASTSSL_KEY_KIND(box->users[j]) == CASTSSL_KEY_GROUP)
				castssl_ints_add(&comparison->role_names, CASTSSL_KEY_NAME_OF(box->users[j]));
		for (int j = 0; j < box->ndatabases; j++)
			if (CASTSSL_KEY_KIND(box->databases[j]) == CASTSSL_KEY_NAME)
				castssl_ints_add(&comparison->database_names,
								 CASTSSL_KEY_NAME_OF(box->databases[j]));
	}
}

static void
read_side(Comparison *comparison, Side *side, const CastsslHbaPolicy *policy)
{
	side->policy = policy;
	side->boxes = castssl_hba_boxes(comparison->universe, policy);
	side->outcomes = palloc(Max(1, policy->nrules) * sizeof(CastsslHbaOutcome));
	for (int i = 0; i < policy->nrules; i++)
		if (policy->rules[i].error == NULL)
			side->outcomes[i] = castssl_hba_outcome(comparison->universe, &policy->rules[i]);
	collect_names(comparison, side);
}

/* The rules of a side in a channel; closed: the server has no such channel. */
static void
read_half(Comparison *comparison, Half *half, const Side *side, int channel, bool closed)
{
	half->side = side;
	half->boxes = palloc((side->policy->nrules + 1) * sizeof(CastsslHbaBox *));
	half->nboxes = 0;
	for (int i = 0; i < side->policy->nrules && !closed; i++)
		if ((side->boxes[i].channels >> channel & 1) != 0)
			half->boxes[half->nboxes++] = &side->boxes[i];
	half->boxes[half->nboxes++] = &comparison->no_line;
}

/* The same rules with the same outcomes in the same order? */
static bool
is_same(const Comparison *comparison, const Half *before, const Half *after)
{
	CastsslHbaChange change;

	if (before->nboxes != after->nboxes)
		return false;
	for (int i = 0; i < before->nboxes; i++)
		if (!castssl_hba_box_equal(before->boxes[i], after->boxes[i]) ||
			castssl_hba_outcome_change(outcome_of(comparison, before, i),
									   outcome_of(comparison, after, i), &change))
			return false;
	return true;
}

static void
find_covers(Half *half, const Half *other)
{
	half->covers = palloc(half->nboxes * sizeof(int));
	for (int i = 0; i < half->nboxes; i++)
	{
		half->covers[i] = castssl_hba_index_cover(other->index, half->boxes[i]);
		/* "no line" covers everything */
		half->covers[i] = Min(half->covers[i], other->nboxes - 1);
	}
}

static void
compare_pair(Comparison *comparison, CastsslHbaSought *sought, const Half *before,
			 const Half *after)
{
	CastsslHbaDifferences *differences = comparison->differences;
	CastsslHbaDifference row = { 0 };
	int first = differences->count;
	char *text_before;
	char *text_after;

	if (!castssl_hba_outcome_change(outcome_of(comparison, before, sought->x),
									outcome_of(comparison, after, sought->y), &row.change))
		return;
	row.encryption = channel_names[sought->channel];
	row.before_rule = before->boxes[sought->x]->rule;
	row.after_rule = after->boxes[sought->y]->rule;
	castssl_hba_pair_differences(sought, &row, differences);
	if (differences->count == first)
		return;
	text_before = castssl_hba_outcome_text(rule_of(before, sought->x));
	text_after = castssl_hba_outcome_text(rule_of(after, sought->y));
	for (int i = first; i < differences->count; i++)
	{
		differences->items[i].before = text_before;
		differences->items[i].after = text_after;
	}
}

static void
compare_halves(Comparison *comparison, int channel, Half *before, Half *after)
{
	CastsslHbaSought sought = { 0 };
	CastsslInts candidates = { 0 };
	CastsslHbaOverlap *overlap;

	before->index = castssl_hba_index_build(comparison->universe, before->side->policy,
											before->boxes, before->nboxes, NULL);
	after->index = castssl_hba_index_build(comparison->universe, after->side->policy, after->boxes,
										   after->nboxes, NULL);
	find_covers(before, after);
	find_covers(after, before);
	overlap = castssl_hba_overlap_create(before->index, before->covers);
	sought.before = before->index;
	sought.after = after->index;
	sought.channel = channel;
	sought.role_names = &comparison->role_names;
	sought.database_names = &comparison->database_names;
	for (sought.y = 0; sought.y < after->nboxes; sought.y++)
	{
		castssl_hba_overlap_find(overlap, after->boxes[sought.y], sought.y, after->covers[sought.y],
								 &candidates);
		for (int i = 0; i < candidates.count; i++)
		{
			sought.x = candidates.items[i];
			compare_pair(comparison, &sought, before, after);
		}
	}
	castssl_hba_overlap_free(overlap);
	castssl_hba_index_free(before->index);
	castssl_hba_index_free(after->index);
	pfree(before->covers);
	pfree(after->covers);
}

/* The earlier channel in which exactly the same rules count on both sides, or this one. */
static int
same_channel(const Comparison *comparison, int channel, const bool *compared)
{
	const Side *sides[2] = { &comparison->before, &comparison->after };

	for (int other = CASTSSL_CHANNEL_NONE; other < channel; other++)
	{
		bool same = compared[other];

		for (int s = 0; s < 2; s++)
			for (int i = 0; i < sides[s]->policy->nrules && same; i++)
			{
				uint8 channels = sides[s]->boxes[i].channels;

				same = (channels >> other & 1) == (channels >> channel & 1);
			}
		if (same)
			return other;
	}
	return channel;
}

/* What was found for one channel, once more for another one. */
static void
repeat_rows(Comparison *comparison, int from, int channel)
{
	CastsslHbaDifferences *differences = comparison->differences;
	int count = differences->count;

	for (int i = 0; i < count; i++)
		if (strcmp(differences->items[i].encryption, channel_names[from]) == 0)
		{
			CastsslHbaDifference row = differences->items[i];

			row.encryption = channel_names[channel];
			row.witness.encryption = castssl_hba_channel_encryption(channel);
			castssl_hba_difference_add(differences, &row);
		}
}

static int
channel_number(const char *name)
{
	int channel = 0;

	while (channel < CASTSSL_NCHANNELS - 1 && strcmp(channel_names[channel], name) != 0)
		channel++;
	return channel;
}

static int
compare_differences(const void *left, const void *right)
{
	const CastsslHbaDifference *a = left;
	const CastsslHbaDifference *b = right;
	int order = a->change - b->change;

	if (order == 0)
		order = channel_number(a->encryption) - channel_number(b->encryption);
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

static void
compare_channel(Comparison *comparison, int channel, bool closed_after, bool *compared)
{
	int from = same_channel(comparison, channel, compared);
	Half before;
	Half after;

	if (from != channel && !closed_after)
	{
		repeat_rows(comparison, from, channel);
		return;
	}
	compared[channel] = !closed_after;
	read_half(comparison, &before, &comparison->before, channel, false);
	read_half(comparison, &after, &comparison->after, channel, closed_after);
	if (!is_same(comparison, &before, &after))
		compare_halves(comparison, channel, &before, &after);
	pfree(before.boxes);
	pfree(after.boxes);
}

void
castssl_hba_compare(const CastsslHbaPolicy *before, bool tls_before, const CastsslHbaPolicy *after,
					bool tls_after, const CastsslHbaWorld *world,
					CastsslHbaDifferences *differences)
{
	Comparison comparison = { 0 };
	bool compared[CASTSSL_NCHANNELS] = { false };

	comparison.universe = castssl_hba_universe_create(world);
	comparison.no_line = castssl_hba_box_of_all();
	comparison.refused = castssl_hba_outcome(comparison.universe, NULL);
	comparison.differences = differences;
	read_side(&comparison, &comparison.before, before);
	read_side(&comparison, &comparison.after, after);
	castssl_ints_unique(&comparison.role_names);
	castssl_ints_unique(&comparison.database_names);
	for (int channel = 0; channel < CASTSSL_NCHANNELS; channel++)
		if (channel != CASTSSL_CHANNEL_TLS || tls_before || tls_after)
			compare_channel(&comparison, channel, channel == CASTSSL_CHANNEL_TLS && !tls_after,
							compared);
	if (differences->count > 1)
		qsort(differences->items, differences->count, sizeof(CastsslHbaDifference),
			  compare_differences);
}
