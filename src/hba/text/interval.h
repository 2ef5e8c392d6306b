/*
 * interval.h
 *		Addresses that are alike: those that have some bits in common.
 *
 * A CIDR block is one; so is what a mask with holes takes.  IPv4 and IPv6 together are
 * one, too.
 */
#ifndef CASTSSL_HBA_TEXT_INTERVAL_H
#define CASTSSL_HBA_TEXT_INTERVAL_H

#include "hba/text/rule.h"

typedef struct CastsslInterval
{
	uint64 bits[2]; /* the address, first bit highest; IPv4 in the upper half of the first */
	uint64 mask[2]; /* which bits are given; the others are 0 in bits */
	uint8 family;   /* 4, 6, or 0: both, and no bit is given */
} CastsslInterval;

/* Which addresses a rule's field takes; everything where only the world knows. */
extern CastsslInterval castssl_interval_of(const CastsslHbaAddress *address);

/* The field that takes them, of kind MASK, or ALL. */
extern CastsslHbaAddress castssl_interval_address(const CastsslInterval *interval);

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

#endif
