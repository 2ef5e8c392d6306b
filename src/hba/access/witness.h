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
	CASTSSL_HBA_POSSIBLE, /* unknown: the world cannot answer, or the search found none */
	CASTSSL_HBA_CERTAIN   /* *witness is such a connection */
} CastsslHbaVerdict;

/*
 * Find a witness in an atom to which the addresses of rest are left.  Always sets *witness: if
 * the verdict is POSSIBLE, it is only an example.  Its strings are palloc'd or belong to the
 * policies or the world.
 */
extern CastsslHbaVerdict castssl_hba_find_witness(const CastsslHbaAtom *atom,
												  const CastsslHbaParts *rest,
												  CastsslConnection *witness);

#endif
