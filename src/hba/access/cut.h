/*
 * cut.h
 *		How rules cut an interval of addresses, and what they leave of it.
 *
 * An interval that a rule takes in part is cut in two at a bit of the rule's mask, until a rule
 * takes each part as a whole, or no rule meets it.
 */
#ifndef CASTSSL_HBA_ACCESS_CUT_H
#define CASTSSL_HBA_ACCESS_CUT_H

#include "base/ints.h"
#include "hba/text/interval.h"

/* An interval, and the number of the rule that takes it; -1: no rule does. */
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

/* The number of steps in one run, so that every run ends in a reasonable time. */
#define CASTSSL_PATIENCE 200000000L

extern void castssl_hba_parts_add(CastsslHbaParts *parts, const CastsslInterval *interval,
								  int rule);

/*
 * Set rest (may be NULL) to the parts of an interval that the takers leave, at most max + 1
 * parts, and of the parts in one CIDR block only the first.  Returns whether anything is left.
 * If not, sorts the takers by rule, and adds to blocking (may be NULL) the rules that are the
 * first to take some part: only as many as are needed to take all.  If *patience runs out,
 * rest has too much, never too little.
 */
extern bool castssl_hba_left(CastsslHbaParts *takers, const CastsslInterval *interval,
							 long *patience, CastsslHbaParts *rest, int max, CastsslInts *blocking);

#endif
