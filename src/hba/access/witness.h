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

/*
 * Look in an atom to which rest is left.  The witness is an example even where the verdict
 * is POSSIBLE; its strings are palloc'd or those of the policies or the world.
 */
extern CastsslHbaVerdict castssl_hba_find_witness(const CastsslHbaAtom *atom,
												  const CastsslHbaParts *rest,
												  CastsslConnection *witness);

#endif
