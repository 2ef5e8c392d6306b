/*
 * interval.h
 *		Addresses that are alike, and how rules cut them.
 *
 * An interval is all addresses that have some bits in common.  A CIDR block is one; so
 * is what a mask with holes takes.  IPv4 and IPv6 together are one, too.  An
 * interval that a rule takes in part is cut in two at a bit that the rule asks for,
 * until each part is taken whole by a rule or is met by none.
 */
#ifndef CASTSSL_HBA_ACCESS_INTERVAL_H
#define CASTSSL_HBA_ACCESS_INTERVAL_H

#include "base/ints.h"
#include "hba/match/match.h"

typedef struct CastsslInterval
{
	uint64 bits[2]; /* the address, first bit highest; IPv4 in the upper half of the first */
	uint64 mask[2]; /* which bits are given; the others are 0 in bits */
	uint8 family;   /* 4, 6, or 0: both, and no bit is given */
} CastsslInterval;

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

/* Which addresses a rule's field takes; everything where only the world knows. */
extern CastsslInterval castssl_interval_of(const CastsslHbaAddress *address);

/* The smallest CIDR block around it. */
extern CastsslInterval castssl_interval_block(const CastsslInterval *interval);

static inline bool
castssl_interval_meets(const CastsslInterval *a, const CastsslInterval *b)
{
	return (a->family == b->family || a->family == 0 || b->family == 0) &&
		   ((a->bits[0] ^ b->bits[0]) & a->mask[0] & b->mask[0]) == 0 &&
		   ((a->bits[1] ^ b->bits[1]) & a->mask[1] & b->mask[1]) == 0;
}

static inline bool
castssl_interval_covers(const CastsslInterval *outer, const CastsslInterval *inner)
{
	return (outer->family == inner->family || outer->family == 0) &&
		   (outer->mask[0] & ~inner->mask[0]) == 0 && (outer->mask[1] & ~inner->mask[1]) == 0 &&
		   ((outer->bits[0] ^ inner->bits[0]) & outer->mask[0]) == 0 &&
		   ((outer->bits[1] ^ inner->bits[1]) & outer->mask[1]) == 0;
}

/* What two that meet have in common. */
static inline CastsslInterval
castssl_interval_common(const CastsslInterval *a, const CastsslInterval *b)
{
	return (CastsslInterval){ { a->bits[0] | b->bits[0], a->bits[1] | b->bits[1] },
							  { a->mask[0] | b->mask[0], a->mask[1] | b->mask[1] },
							  Max(a->family, b->family) };
}

/* An order in which every block stands right before those that it has in it. */
extern int castssl_interval_compare(const CastsslInterval *a, const CastsslInterval *b);

/* Set a connection's address to one of it, number n of several. */
extern void castssl_interval_example(const CastsslInterval *interval, int n,
									 CastsslConnection *connection);

/* "10.0.0.0/8", "10.0.0.3/255.0.0.255" or "all"; palloc'd. */
extern char *castssl_interval_text(const CastsslInterval *interval);

extern void castssl_hba_parts_add(CastsslHbaParts *parts, const CastsslInterval *interval,
								  int rule);

/* To be called in loops: lets an interrupt end them, and takes steps off what is left. */
extern void castssl_hba_patience_step(long *patience, long steps);

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
