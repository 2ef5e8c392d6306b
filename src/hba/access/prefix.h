/*
 * prefix.h
 *		Blocks of IP addresses: CIDR prefixes over IPv4 and IPv6 together.
 *
 * Both families are one space of bit strings: the first bit is the family, the
 * address follows.  So the empty prefix is "every address", 0.0.0.0/0 has length
 * 1, an IPv4 address length 33 and an IPv6 address length 129.
 */
#ifndef CASTSSL_HBA_ACCESS_PREFIX_H
#define CASTSSL_HBA_ACCESS_PREFIX_H

#include "hba/text/rule.h"

/* Bits beyond length are zero. */
typedef struct CastsslPrefix
{
	uint64 high; /* the first 64 bits of the address, IPv4 in the upper half */
	uint64 low;
	bool six;     /* IPv6 */
	uint8 length; /* the family's bit included */
} CastsslPrefix;

/* Growable; zero-initialize before the first use. */
typedef struct CastsslPrefixes
{
	CastsslPrefix *items;
	int count;
	int capacity;
} CastsslPrefixes;

/* The first bits of an address in network byte order; family is 4 or 6. */
extern CastsslPrefix castssl_prefix_make(uint8 family, const uint8 *address, int bits);
extern CastsslPrefix castssl_prefix_truncate(CastsslPrefix prefix, int length);
extern CastsslPrefix castssl_prefix_child(CastsslPrefix prefix, int bit);

/* How many leading bits two prefixes share, at most the shorter length. */
extern int castssl_prefix_common(const CastsslPrefix *a, const CastsslPrefix *b);
extern int castssl_prefix_bit(const CastsslPrefix *prefix, int position);
extern bool castssl_prefix_contains(const CastsslPrefix *outer, const CastsslPrefix *inner);

/* As for qsort: a block stands before those in it, and those before what is behind it. */
extern int castssl_prefix_compare(const CastsslPrefix *a, const CastsslPrefix *b);

extern void castssl_prefixes_add(CastsslPrefixes *prefixes, CastsslPrefix prefix);

/*
 * Add the blocks of an address field of kind ALL or MASK.  A mask with holes
 * makes several; false, and nothing added, if they would be more than 1024.
 */
extern bool castssl_prefixes_add_address(CastsslPrefixes *prefixes,
										 const CastsslHbaAddress *address);

/* Add what two sets of blocks have in common; within each set they are disjoint. */
extern void castssl_prefixes_intersect(const CastsslPrefix *a, int na, const CastsslPrefix *b,
									   int nb, CastsslPrefixes *result);

/* Sort, and join what can be joined: the fewest blocks for the same addresses. */
extern void castssl_prefixes_join(CastsslPrefixes *prefixes);

/* "10.0.0.0/8, ::1/128", or "all".  Palloc'd. */
extern char *castssl_prefixes_text(const CastsslPrefixes *prefixes);

/*
 * An address in the block, in network byte order, *family 4 or 6: the
 * documentation's (192.0.2.1, 2001:db8::1) where it is in the block, otherwise a
 * low one for attempt 0 and others, as far as there are others, for 1, 2, ...
 */
extern void castssl_prefix_example(const CastsslPrefix *prefix, int attempt, uint8 *family,
								   uint8 *address);

#endif
