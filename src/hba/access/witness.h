/*
 * witness.h
 *		Find a connection that one rule answers in one policy and another rule in another.
 */
#ifndef CASTSSL_HBA_ACCESS_WITNESS_H
#define CASTSSL_HBA_ACCESS_WITNESS_H

#include "hba/access/atom.h"

typedef enum CastsslHbaVerdict
{
	CASTSSL_HBA_NONE,     /* there is no such connection */
	CASTSSL_HBA_POSSIBLE, /* nobody can know here, or none was found */
	CASTSSL_HBA_CERTAIN   /* the witness is one */
} CastsslHbaVerdict;

/* What is looked for: x answers before, y after. */
typedef struct CastsslHbaSought
{
	CastsslHbaRules *before;
	CastsslHbaRules *after;
	int x;
	int y;
	int channel;
	CastsslInterval interval;      /* what both rules' addresses have in common */
	const CastsslInts *role_names; /* that the policies use for users and groups */
	const CastsslInts *database_names;
	CastsslHbaParts takers; /* scratch */
} CastsslHbaSought;

/*
 * Set rest to what the earlier rules of both policies leave to an atom; until there
 * are more than max parts.  False if that is nothing.
 */
extern bool castssl_hba_sought_rest(CastsslHbaSought *sought, const CastsslHbaAtom *atom,
									CastsslHbaParts *rest, int max);

/*
 * Look in an atom to which rest is left.  The witness is set unless the verdict is
 * NONE; its strings are palloc'd or those of the policies or the world.
 */
extern CastsslHbaVerdict castssl_hba_find_witness(CastsslHbaSought *sought,
												  const CastsslHbaAtom *atom,
												  const CastsslHbaParts *rest,
												  CastsslConnection *witness);

#endif
