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
is_reachable(CastsslHbaRules *rules, int rule, bool tls, CastsslHbaParts *takers,
			 CastsslInts *blocking)
{
	const CastsslHbaBox *box = &rules->boxes[rule];
	CastsslHbaPatience *patience = &rules->space->patience;

	for (int i = 0; i < box->databases.count * box->users.count; i++)
	{
		CastsslHbaAtom atom = { .space = rules->space };

		castssl_hba_atom_address(&atom, box);
		castssl_hba_atom_database(&atom, box->databases.items[i / box->users.count]);
		castssl_hba_atom_user(&atom, box->users.items[i % box->users.count]);
		castssl_hba_atom_settle(&atom);
		for (int channel = 0; channel < CASTSSL_NCHANNELS; channel++)
		{
			/* where no rule tells them apart, one channel stands for all of the network */
			if ((box->channels >> channel & 1) == 0 || (channel == CASTSSL_CHANNEL_TLS && !tls) ||
				(channel > CASTSSL_CHANNEL_NONE && !rules->space->by_encryption))
				continue;
			castssl_hba_atom_channel(&atom, channel);
			takers->count = 0;
			castssl_hba_takers(rules, rule, &atom, &box->interval, takers);
			if (castssl_hba_left(takers, &box->interval, patience, NULL, 0))
				return true;
			castssl_hba_blocking(takers, &box->interval, patience, blocking);
		}
	}
	return false;
}

/* Is the rule unreachable?  Sets the rules that block it, none if it is reachable. */
static bool
find_one(CastsslHbaRules *rules, const CastsslHbaPolicy *policy, int rule, bool tls,
		 CastsslHbaParts *takers, int **blocking, int *nblocking)
{
	CastsslInts found = { 0 };
	bool unreachable =
		policy->rules[rule].error == NULL && !is_reachable(rules, rule, tls, takers, &found);

	if (!unreachable)
		found.count = 0;
	castssl_ints_unique(&found);
	*blocking = found.items;
	*nblocking = found.count;
	return unreachable;
}

void
castssl_hba_find_unreachable(const CastsslHbaPolicy *policy, bool tls, const CastsslHbaWorld *world,
							 bool *unreachable, int **blocking, int *nblocking)
{
	CastsslHbaRules rules;
	CastsslHbaParts takers = { 0 };

	castssl_hba_space_create(world, &policy, 1, &rules);
	for (int i = 0; i < policy->nrules; i++)
	{
		castssl_let_interrupt();
		unreachable[i] = find_one(&rules, policy, i, tls, &takers, &blocking[i], &nblocking[i]);
	}
}

bool
castssl_hba_is_unreachable(const CastsslHbaPolicy *policy, int rule, bool tls,
						   const CastsslHbaWorld *world, int **blocking, int *nblocking)
{
	CastsslHbaRules rules;
	CastsslHbaParts takers = { 0 };

	castssl_hba_space_create(world, &policy, 1, &rules);
	return find_one(&rules, policy, rule, tls, &takers, blocking, nblocking);
}
