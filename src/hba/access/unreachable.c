/*
 * unreachable.c
 *		Rules that no connection can reach, and the rules that block them.
 *
 * For each pair of a database and a user of a rule there is the atom of which
 * just these two are true.  The rule is unreachable if, in each channel, the
 * earlier rules that take the atom leave nothing of the rule's addresses: they
 * take everything else that has the pair as well.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/interrupts.h"
#include "hba/access/atom.h"
#include "hba/access/unreachable.h"

/* Is something left to an atom of a rule in a channel?  If not, blocking grows. */
static bool
is_reachable(CastsslHbaRules *rules, int rule, bool tls, CastsslInts *blocking)
{
	const CastsslHbaBox *box = &rules->boxes[rule];

	for (int i = 0; i < box->databases.count * box->users.count; i++)
		for (int channel = 0; channel < CASTSSL_NCHANNELS; channel++)
		{
			CastsslHbaSide side = { rules,
									rule,
									{ box->users.items[i % box->users.count],
									  box->databases.items[i / box->users.count] } };
			CastsslHbaAtom atom = { rules->space, { side, side }, .channel = channel };

			/* where no rule tells them apart, one channel stands for all of the network */
			if (channel > CASTSSL_CHANNEL_NONE && !rules->space->by_encryption)
				break;
			if ((box->channels >> channel & 1) != 0 && (channel != CASTSSL_CHANNEL_TLS || tls) &&
				castssl_hba_atom_settle(&atom) && castssl_hba_atom_left(&atom, NULL, 0, blocking))
				return true;
		}
	return false;
}

/* Is the rule unreachable?  Sets the rules that block it, none if it is reachable. */
static bool
find_one(CastsslHbaRules *rules, const CastsslHbaPolicy *policy, int rule, bool tls, int **blocking,
		 int *nblocking)
{
	CastsslInts found = { 0 };
	bool unreachable = policy->rules[rule].error == NULL && !is_reachable(rules, rule, tls, &found);

	if (!unreachable)
		found.count = 0;
	castssl_ints_unique(&found);
	*blocking = found.items;
	*nblocking = found.count;
	return unreachable;
}

static void
read_policy(const CastsslHbaPolicy *policy, const CastsslHbaWorld *world, CastsslHbaRules *rules)
{
	/* who is in a group changes without an edit */
	castssl_hba_space_create(world, &policy, 1, rules)->world.member = NULL;
}

void
castssl_hba_find_unreachable(const CastsslHbaPolicy *policy, bool tls, const CastsslHbaWorld *world,
							 bool *unreachable, int **blocking, int *nblocking)
{
	CastsslHbaRules rules;

	read_policy(policy, world, &rules);
	for (int i = 0; i < policy->nrules; i++)
	{
		castssl_let_interrupt();
		unreachable[i] = find_one(&rules, policy, i, tls, &blocking[i], &nblocking[i]);
	}
}

bool
castssl_hba_is_unreachable(const CastsslHbaPolicy *policy, int rule, bool tls,
						   const CastsslHbaWorld *world, int **blocking, int *nblocking)
{
	CastsslHbaRules rules;

	read_policy(policy, world, &rules);
	return find_one(&rules, policy, rule, tls, blocking, nblocking);
}
