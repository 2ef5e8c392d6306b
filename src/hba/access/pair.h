/*
 * pair.h
 *		The rows for one pair of rules: this one answered before, that one answers after.
 */
#ifndef CASTSSL_HBA_ACCESS_PAIR_H
#define CASTSSL_HBA_ACCESS_PAIR_H

#include "hba/access/difference.h"
#include "hba/access/witness.h"

/*
 * Add what changes where sought->before's rule x and sought->after's rule y answer.
 * blocks and predicates of sought are found here.  row has what is common to all
 * rows of the pair (change, encryption, before, after, the rules); the texts
 * before and after are made by the caller, and only if a row was added.
 */
extern void castssl_hba_pair_differences(CastsslHbaSought *sought, const CastsslHbaDifference *row,
										 CastsslHbaDifferences *differences);

#endif
