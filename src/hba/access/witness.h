/*
 * witness.h
 *		Find a connection that one rule answers in one policy and another rule in another.
 */
#ifndef CASTSSL_HBA_ACCESS_WITNESS_H
#define CASTSSL_HBA_ACCESS_WITNESS_H

#include "hba/access/index.h"

typedef enum CastsslHbaVerdict
{
	CASTSSL_HBA_NONE,     /* there is no such connection */
	CASTSSL_HBA_POSSIBLE, /* nobody can know here, or none was found */
	CASTSSL_HBA_CERTAIN   /* the witness is one */
} CastsslHbaVerdict;

/* What is looked for: x answers before, y after. */
typedef struct CastsslHbaSought
{
	CastsslHbaIndex *before;
	CastsslHbaIndex *after;
	int x;
	int y;
	CastsslHbaChannel channel;
	CastsslPrefixes blocks; /* what both rules' addresses have in common */
	int predicates[2];
	int npredicates;
	const CastsslInts *role_names;     /* names that the policies use for users and groups */
	const CastsslInts *database_names; /* and for databases */
} CastsslHbaSought;

/* What the earlier rules of both policies leave of the blocks for the whole class. */
extern void castssl_hba_sought_rest(const CastsslHbaSought *sought, const CastsslHbaClass *class,
									CastsslPrefixes *rest, int max);

/*
 * Look in a settled class for which castssl_hba_sought_rest has left something.
 * What turns out to be true of all of the class (alice is in +b) is added to it:
 * less may be left then.  The witness is set unless the verdict is NONE; its
 * strings are palloc'd or those of the universe or the world.
 */
extern CastsslHbaVerdict castssl_hba_find_witness(const CastsslHbaSought *sought,
												  CastsslHbaClass *class,
												  CastsslConnection *witness);

#endif
