/*
 * cut.h
 *		How rules cut an interval of addresses, and what they leave of it.
 *
 * An interval that a rule takes in part is cut in two at a bit that the rule asks for,
 * until each part is taken whole by a rule or is met by none.
 */
#ifndef CASTSSL_HBA_ACCESS_CUT_H
#define CASTSSL_HBA_ACCESS_CUT_H

#include "base/ints.h"
#include "hba/text/interval.h"

/* An interval, and the rule that takes it (if it is about that). */
typedef struct CastsslHbaPart
{
	CastsslInterval interval;
	int rule;
} CastsslHbaPart;

/* Growable; zero-initialize before the first use. */
typedef struct CastsslHbaParts
{
	CastsslHbaPart *items;
	int count;
	int capacity;
} CastsslHbaParts;

/* How much may be cut in one run, so that no question takes for ever. */
#define CASTSSL_PATIENCE 200000000L

extern void castssl_hba_parts_add(CastsslHbaParts *parts, const CastsslInterval *interval,
								  int rule);

/*
 * Set rest (unless it is NULL) to what the takers leave of an interval, until there are
 * more than max parts; of those that lie in one CIDR block only the first.  False if
 * nothing is left.  Then the rules of the takers (which are sorted) that are the first
 * to take some part are added to blocking (unless it is NULL), as few as do for all of
 * it.  Where patience ends, too much is left and never too little.
 */
extern bool castssl_hba_left(CastsslHbaParts *takers, const CastsslInterval *interval,
							 long *patience, CastsslHbaParts *rest, int max, CastsslInts *blocking);

#endif
