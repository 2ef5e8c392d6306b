/*
 * rows.h
 *		The rows for one pair of rules: this one answered before, that one answers after.
 */
#ifndef CASTSSL_HBA_ACCESS_ROWS_H
#define CASTSSL_HBA_ACCESS_ROWS_H

#include "hba/access/difference.h"
#include "hba/access/witness.h"

/*
 * Add what changes where sought->before's rule x and sought->after's rule y answer;
 * their addresses meet in sought->interval.  pattern has what is common to all rows of
 * the pair (change, encryption, the rules).
 */
extern void castssl_hba_pair_rows(CastsslHbaSought *sought, const CastsslHbaDifference *pattern,
								  CastsslHbaDifferences *differences);

/* Append a copy of it. */
extern void castssl_hba_difference_add(CastsslHbaDifferences *list,
									   const CastsslHbaDifference *difference);

#endif
