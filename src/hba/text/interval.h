/*
 * interval.h
 *		Sets of addresses that have certain bits in common.
 *
 * A CIDR block is such a set.  So are the addresses that match a mask with gaps, and all
 * addresses of IPv4 and IPv6 together.
 */
#ifndef CASTSSL_HBA_TEXT_INTERVAL_H
#define CASTSSL_HBA_TEXT_INTERVAL_H

#include "hba/text/rule.h"

typedef struct CastsslInterval
{
	uint64 bits[2]; /* the common bits, first bit highest; IPv4 in the upper half of bits[0] */
	uint64 mask[2]; /* which bits are common; the others are 0 in bits */
	uint8 family;   /* 4, 6, or 0: all addresses of both families, mask is 0 */
} CastsslInterval;

/*
 * The addresses that a rule's address field matches.  All addresses for samehost, samenet and
 * host names, which depend on the host and on DNS.
 */
extern CastsslInterval castssl_interval_of(const CastsslHbaAddress *address);

/* The address field that matches them: of kind MASK, or ALL. */
extern CastsslHbaAddress castssl_interval_address(const CastsslInterval *interval);

/* The smallest CIDR block that contains the set. */
extern CastsslInterval castssl_interval_block(const CastsslInterval *interval);

/* Do the sets have an address in common? */
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

/* Does the set contain only one address? */
static inline bool
castssl_interval_is_one(const CastsslInterval *interval)
{
	if (interval->family == 4)
		return interval->mask[0] >> 32 == 0xffffffff;
	return interval->family == 6 && (interval->mask[0] & interval->mask[1]) == ~UINT64CONST(0);
}

/* The intersection of two sets that meet. */
static inline CastsslInterval
castssl_interval_common(const CastsslInterval *a, const CastsslInterval *b)
{
	return (CastsslInterval){ { a->bits[0] | b->bits[0], a->bits[1] | b->bits[1] },
							  { a->mask[0] | b->mask[0], a->mask[1] | b->mask[1] },
							  Max(a->family, b->family) };
}

/* For qsort: an order in which a CIDR block stands directly before the blocks inside it. */
extern int castssl_interval_compare(const CastsslInterval *a, const CastsslInterval *b);

#endif
