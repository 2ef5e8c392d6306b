/*
 * unreachable.c
 *		Rules that no connection can reach, and the rules that block them.
 *
 * For each pair of a user key and a database key of a rule there is an atom that says only
 * these two.  The rule is unreachable if for each atom, in each channel, the earlier rules that
 * take the atom leave nothing of the rule's addresses.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/interrupts.h"
#include "hba/access/atom.h"
#include "hba/access/unreachable.h"

/* Do the earlier rules leave any connection to a rule?  Adds rules that take some to blocking. */
static bool
is_reachable(CastsslHbaRules *rules, int rule, bool tls, CastsslInts *blocking)
{
	const CastsslHbaBox *box = &rules->boxes[rule];

	for (int i = 0; i < box->keys[1].count * box->keys[0].count; i++)
	{
		CastsslHbaSide side = { rules,
								rule,
								{ box->keys[0].items[i % box->keys[0].count],
								  box->keys[1].items[i / box->keys[0].count] } };
		CastsslHbaAtom atom = { rules->space, { side, side } };
		uint8 channels = box->channels & ~(tls ? 0 : 1 << CASTSSL_CHANNEL_TLS);

		for (; atom.channel < CASTSSL_NCHANNELS; atom.channel++)
			if ((channels >> atom.channel & 1) != 0)
			{
				if (castssl_hba_atom_settle(&atom) &&
					castssl_hba_atom_left(&atom, NULL, 0, blocking))
					return true;
				channels &= ~rules->space->alike[atom.channel];
			}
	}
	return false;
}

/* castssl_hba_find_unreachable for n rules, from first on. */
static void
find(const CastsslHbaPolicy *policy, int first, int n, bool tls, const CastsslHbaWorld *world,
	 bool *unreachable, int **blocking, int *nblocking)
{
	CastsslHbaRules rules;

	/* membership of groups changes without an edit */
	castssl_hba_space_create(world, &policy, 1, &rules)->world.member = NULL;
	for (int i = 0; i < n; i++)
	{
		CastsslInts found = { 0 };

		castssl_let_interrupt();
		unreachable[i] =
			policy->rules[first + i].error == NULL && !is_reachable(&rules, first + i, tls, &found);
		castssl_ints_unique(&found);
		blocking[i] = found.items;
		nblocking[i] = unreachable[i] ? found.count : 0;
	}
}

void
castssl_hba_find_unreachable(const CastsslHbaPolicy *policy, bool tls, const CastsslHbaWorld *world,
							 bool *unreachable, int **blocking, int *nblocking)
{
	find(policy, 0, policy->nrules, tls, world, unreachable, blocking, nblocking);
}

bool
castssl_hba_is_unreachable(const CastsslHbaPolicy *policy, int rule, bool tls,
						   const CastsslHbaWorld *world, int **blocking, int *nblocking)
{
	bool unreachable;

	find(policy, rule, 1, tls, world, &unreachable, blocking, nblocking);
	return unreachable;
}
