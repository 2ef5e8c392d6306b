/*
 * compare.c
 *		What an edit of pg_hba.conf does to access.
 *
 * Each rule of the policy after is looked at with the rules of the policy before that
 * it meets.  Most pairs need no look: their outcome is the same, or one of the two has a
 * twin before the other, a rule that takes just the same.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <limits.h>

#include "base/grow.h"
#include "hba/access/atom.h"
#include "hba/access/compare.h"
#include "hba/text/address.h"

static const char *const channel_names[CASTSSL_NCHANNELS] = { "socket", "none", "tls", "gss" };

/* A policy; the last of its rules is "no line". */
typedef struct Policy
{
	CastsslHbaRules rules;
	CastsslHbaOutcome *outcomes;
	int *twins; /* of each rule: one of the other policy that takes just the same; or INT_MAX */
} Policy;

static bool
same_keys(const CastsslInts *a, const CastsslInts *b)
{
	return a->count == b->count &&
		   (a->count == 0 || (a->items[0] == b->items[0] &&
							  memcmp(a->items, b->items, a->count * sizeof(int)) == 0));
}

static bool
takes_the_same(const CastsslHbaBox *a, const CastsslHbaBox *b)
{
	return a->channels == b->channels && same_keys(&a->users, &b->users) &&
		   same_keys(&a->databases, &b->databases) &&
		   castssl_interval_compare(&a->interval, &b->interval) == 0 &&
		   castssl_hba_address_equal(&a->rule.address, &b->rule.address);
}

/* The rules of a policy that may meet a rule of the other one, "no line" left out. */
static CastsslInts *
find(Policy *policy, const CastsslHbaBox *box)
{
	castssl_hba_rules_find(&policy->rules, &box->users, &box->databases, &box->interval,
						   policy->rules.nrules);
	return &policy->rules.found;
}

static int
find_twin(const Policy *policy, int rule, Policy *other)
{
	const CastsslHbaBox *box = &policy->rules.boxes[rule];
	int n = other->rules.nrules;
	/* in most files it has the same number, from the beginning or from the end */
	int likely[2] = { Min(rule, n), Max(0, n - policy->rules.nrules + rule) };
	const CastsslInts *found;

	for (int i = 0; i < 2; i++)
		if (takes_the_same(box, &other->rules.boxes[likely[i]]))
			return likely[i];
	found = find(other, box);
	for (int i = 0; i < found->count; i++)
		if (takes_the_same(box, &other->rules.boxes[found->items[i]]))
			return found->items[i];
	return INT_MAX;
}

static void
find_twins(Policy *policy, Policy *other)
{
	policy->twins = palloc((policy->rules.nrules + 1) * sizeof(int));
	for (int i = 0; i <= policy->rules.nrules; i++)
		policy->twins[i] = find_twin(policy, i, other);
}

/*
 * The rows of plaintext, from the given one on, once more for another channel: where no
 * rule tells the channels of the network apart.
 */
static void
repeat_rows(CastsslHbaDifferences *differences, int first, int channel)
{
	int count = differences->count;
	CastsslConnection connection;

	castssl_hba_channel(channel, &connection);
	for (int i = first; i < count; i++)
		if (differences->items[i].encryption == channel_names[CASTSSL_CHANNEL_NONE])
		{
			CastsslHbaDifference row = differences->items[i];

			row.encryption = channel_names[channel];
			row.witness.encryption = connection.encryption;
			CASTSSL_GROW(differences->items, differences->count, differences->capacity);
			differences->items[differences->count++] = row;
		}
}

/* Add the rows where x answered before and y answers after, in some of the channels. */
static void
compare_pair(Policy *before, int x, Policy *after, int y, uint8 channels,
			 CastsslHbaDifferences *differences)
{
	CastsslHbaAtom pair = { before->rules.space, { { &before->rules, x }, { &after->rules, y } } };
	CastsslHbaDifference row = { .before_rule = x < before->rules.nrules ? x : -1,
								 .after_rule = y < after->rules.nrules ? y : -1 };
	int first = differences->count;

	castssl_hba_outcome_change(&before->outcomes[x], &after->outcomes[y], &row.change);
	for (int channel = 0; channel < CASTSSL_NCHANNELS; channel++)
	{
		pair.channel = channel;
		row.encryption = channel_names[channel];
		if ((channels >> channel & 1) == 0)
			continue;
		if (channel > CASTSSL_CHANNEL_NONE && (channels >> CASTSSL_CHANNEL_NONE & 1) != 0 &&
			!pair.space->by_encryption)
			repeat_rows(differences, first, channel);
		else
			castssl_hba_pair_differences(&pair, &row, differences);
	}
	if (first == differences->count)
		return;
	row.before =
		castssl_hba_outcome_text(row.before_rule < 0 ? NULL : &before->rules.boxes[x].rule);
	row.after = castssl_hba_outcome_text(row.after_rule < 0 ? NULL : &after->rules.boxes[y].rule);
	for (int i = first; i < differences->count; i++)
	{
		differences->items[i].before = row.before;
		differences->items[i].after = row.after;
	}
}

/* Compare a rule of the policy after with all that it meets in the policy before. */
static void
compare_rule(Policy *before, Policy *after, int y, uint8 channels,
			 CastsslHbaDifferences *differences)
{
	const CastsslHbaBox *box = &after->rules.boxes[y];
	CastsslInts found = *find(before, box);

	/* the searches for a pair must not change it */
	before->rules.found = (CastsslInts){ 0 };
	castssl_ints_add(&found, before->rules.nrules);
	for (int i = 0; i < found.count; i++)
	{
		int x = found.items[i];
		uint8 both = channels & box->channels & before->rules.boxes[x].channels;
		CastsslHbaChange change;

		/* behind a twin of the other one neither of them answers what both take */
		if (both != 0 && before->twins[x] >= y && after->twins[y] >= x &&
			castssl_hba_outcome_change(&before->outcomes[x], &after->outcomes[y], &change))
			compare_pair(before, x, after, y, both, differences);
	}
	castssl_ints_free(&found);
}

static CastsslHbaOutcome *
outcomes_of(const CastsslHbaPolicy *policy)
{
	CastsslHbaOutcome *outcomes = palloc((policy->nrules + 1) * sizeof(CastsslHbaOutcome));

	for (int i = 0; i < policy->nrules; i++)
		outcomes[i] =
			castssl_hba_outcome(policy->rules[i].error == NULL ? &policy->rules[i] : NULL);
	outcomes[policy->nrules] = castssl_hba_outcome(NULL);
	return outcomes;
}

static void
compare_policies(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after, uint8 channels,
				 const CastsslHbaWorld *world, CastsslHbaDifferences *differences)
{
	const CastsslHbaPolicy *policies[2] = { before, after };
	CastsslHbaRules rules[2];
	Policy sides[2];

	castssl_hba_space_create(world, policies, 2, rules);
	for (int i = 0; i < 2; i++)
		sides[i] = (Policy){ rules[i], outcomes_of(policies[i]) };
	find_twins(&sides[0], &sides[1]);
	find_twins(&sides[1], &sides[0]);
	for (int y = 0; y <= after->nrules; y++)
		compare_rule(&sides[0], &sides[1], y, channels, differences);
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
	/* no channel, no access */
	if (tls_before && !tls_after)
		compare_policies(before, &none, 1 << CASTSSL_CHANNEL_TLS, world, differences);
	castssl_hba_differences_sort(differences);
}
