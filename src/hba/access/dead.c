/*
 * dead.c
 *		Rules that no connection can reach.
 *
 * For each pair of a database token and a user token of a rule there is the
 * class of connections that match exactly these two and nothing else that need
 * not be so.  The rule is dead if, for each pair and each channel, the earlier
 * rules that surely take the class leave none of the rule's addresses.  That is
 * sound, as these rules take every other connection of the pair as well, and
 * complete as far as names go, as some connection has nothing but the pair.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/access/dead.h"
#include "hba/access/index.h"

/* A dead rule that is dead because of more rules than this stands for itself. */
#define MAX_REPLACED 16

/* Does a connection of this class get past the rules before position? */
static bool
is_reachable(const CastsslHbaIndex *index, int position, CastsslHbaClass *class, CastsslInts *used)
{
	const CastsslHbaBox *box = index->boxes[position];
	CastsslPrefixes blocks = { box->prefixes, box->nprefixes, box->nprefixes };
	CastsslHbaSource source = { index, position };
	int npredicates = box->predicate == CASTSSL_NO_PREDICATE ? 0 : 1;

	for (;;)
	{
		CastsslPrefixes rest = { 0 };
		CastsslPrefix block;

		castssl_hba_left_over(&source, 1, class, &box->predicate, npredicates, &blocks, &rest, 0,
							  used);
		if (rest.count == 0)
			return false;
		block = rest.items[0];
		pfree(rest.items);
		/* regular expressions that this very name matches are no doubt */
		if (!castssl_hba_index_learn_regexps(index, class, &block, position))
			return true;
	}
}

/* Is the rule at this position dead in this channel?  Then used says why. */
static bool
is_dead(const CastsslHbaIndex *index, int position, CastsslInts *used)
{
	const CastsslHbaBox *box = index->boxes[position];

	for (int d = 0; d < box->ndatabases; d++)
		for (int u = 0; u < box->nusers; u++)
		{
			CastsslHbaClass class;

			castssl_hba_class_init(&class);
			if (!castssl_hba_class_database(&class, index->universe, box->databases[d]) ||
				!castssl_hba_class_user(&class, index->universe, box->users[u]) ||
				!castssl_hba_class_settle(&class, index->universe, false))
				continue; /* LCOV_EXCL_LINE: one key for each does not contradict itself */
			if (is_reachable(index, position, &class, used))
				return false;
		}
	return true;
}

/* The earlier channel in which exactly the same rules count, or this one. */
static int
same_channel(const CastsslHbaBox *boxes, int nboxes, int channel, uint8 channels)
{
	for (int other = CASTSSL_CHANNEL_NONE; other < channel; other++)
	{
		bool same = (channels & 1 << other) != 0;

		for (int i = 0; i < nboxes && same; i++)
			same = (boxes[i].channels >> other & 1) == (boxes[i].channels >> channel & 1);
		if (same)
			return other;
	}
	return channel;
}

/*
 * Rules all of whose users are named by no other rule.  They take nobody that
 * another rule could want, so nobody needs to look for them; in long files most
 * rules are like that.
 */
static bool *
find_alone(const CastsslHbaUniverse *universe, const CastsslHbaBox *boxes, int nboxes)
{
	bool *alone = palloc0(Max(1, nboxes) * sizeof(bool));
	uint8 *count = palloc0(Max(1, universe->nnames) * sizeof(uint8));

	for (int i = 0; i < nboxes; i++)
		for (int u = 0; u < boxes[i].nusers; u++)
			if (CASTSSL_KEY_KIND(boxes[i].users[u]) == CASTSSL_KEY_NAME &&
				count[CASTSSL_KEY_NAME_OF(boxes[i].users[u])] < 2)
				count[CASTSSL_KEY_NAME_OF(boxes[i].users[u])]++;
	for (int i = 0; i < nboxes; i++)
	{
		alone[i] = boxes[i].nusers > 0;
		for (int u = 0; u < boxes[i].nusers && alone[i]; u++)
			alone[i] = CASTSSL_KEY_KIND(boxes[i].users[u]) == CASTSSL_KEY_NAME &&
					   count[CASTSSL_KEY_NAME_OF(boxes[i].users[u])] == 1;
	}
	pfree(count);
	return alone;
}

/* Clear dead where a rule of this channel can be reached; note what takes the others. */
static void
check_channel(CastsslHbaUniverse *universe, const CastsslHbaPolicy *policy,
			  const CastsslHbaBox *boxes, const bool *alone, int channel, bool *dead,
			  CastsslInts *because)
{
	const CastsslHbaBox **list = palloc(Max(1, policy->nrules) * sizeof(CastsslHbaBox *));
	CastsslHbaIndex *index;
	int count = 0;

	for (int i = 0; i < policy->nrules; i++)
		if ((boxes[i].channels >> channel & 1) != 0)
			list[count++] = &boxes[i];
	index = castssl_hba_index_build(universe, policy, list, count, alone);
	for (int i = 0; i < count; i++)
	{
		int rule = list[i]->rule;
		CastsslInts used = { 0 };

		if (!dead[rule])
			continue;
		if (is_dead(index, i, &used))
			for (int j = 0; j < used.count; j++)
				castssl_ints_add(&because[rule], list[used.items[j]]->rule);
		else
			dead[rule] = false;
		if (used.items != NULL)
			pfree(used.items);
	}
	castssl_hba_index_free(index);
	pfree(list);
}

/*
 * The reasons of one rule, where they are dead themselves, replaced by what takes
 * them: whoever reads it wants the lines that do answer.
 */
static void
name_live_reasons(CastsslInts *reasons, int rule)
{
	CastsslInts live = { 0 };

	for (int i = 0; i < reasons[rule].count; i++)
	{
		int reason = reasons[rule].items[i];

		if (reasons[reason].count == 0 || reasons[reason].count > MAX_REPLACED)
			castssl_ints_add(&live, reason);
		else
			for (int j = 0; j < reasons[reason].count; j++)
				castssl_ints_add(&live, reasons[reason].items[j]);
	}
	castssl_ints_unique(&live);
	if (reasons[rule].items != NULL)
		pfree(reasons[rule].items);
	reasons[rule] = live;
}

void
castssl_hba_find_dead(const CastsslHbaPolicy *policy, bool tls, const CastsslHbaWorld *world,
					  bool *dead, int **because, int *nbecause)
{
	CastsslHbaUniverse *universe = castssl_hba_universe_create(world);
	CastsslHbaBox *boxes = castssl_hba_boxes(universe, policy);
	bool *alone = find_alone(universe, boxes, policy->nrules);
	CastsslInts *reasons = palloc0(Max(1, policy->nrules) * sizeof(CastsslInts));
	uint8 channels = (1 << CASTSSL_NCHANNELS) - 1;

	if (!tls)
		channels &= ~(1 << CASTSSL_CHANNEL_TLS);
	for (int i = 0; i < policy->nrules; i++)
		dead[i] = policy->rules[i].error == NULL;
	for (int channel = 0; channel < CASTSSL_NCHANNELS; channel++)
		if ((channels >> channel & 1) != 0 &&
			same_channel(boxes, policy->nrules, channel, channels) == channel)
			check_channel(universe, policy, boxes, alone, channel, dead, reasons);
	for (int i = 0; i < policy->nrules; i++)
	{
		/* a rule found alive in one channel may have reasons from an earlier one */
		if (!dead[i])
			reasons[i].count = 0;
		name_live_reasons(reasons, i);
		because[i] = reasons[i].items;
		nbecause[i] = reasons[i].count;
	}
}
