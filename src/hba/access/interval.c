/*
 * interval.c
 *		Addresses that are alike, and how rules cut them.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <arpa/inet.h>
#include <sys/socket.h>

#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

#include "base/grow.h"
#include "base/interrupts.h"
#include "hba/access/interval.h"

#define STEPS_OF_QUESTION 4000000L /* a share of what is left, but at least FEW */
#define FEW_STEPS 10000L
#define SHARE 16
#define STEPS_UNINTERRUPTED 10000

/* In the order of the network. */
static void
read_bytes(const uint8 *bytes, int nbytes, uint64 *words)
{
	words[0] = words[1] = 0;
	memcpy(words, bytes, nbytes);
	words[0] = pg_ntoh64(words[0]);
	words[1] = pg_ntoh64(words[1]);
}

static void
write_bytes(const uint64 *words, int nbytes, uint8 *bytes)
{
	uint64 ordered[2] = { pg_hton64(words[0]), pg_hton64(words[1]) };

	memset(bytes, 0, 16);
	memcpy(bytes, ordered, nbytes);
}

static int
bytes_of(const CastsslInterval *interval)
{
	return interval->family == 4 ? 4 : 16;
}

CastsslInterval
castssl_interval_of(const CastsslHbaAddress *address)
{
	CastsslInterval interval = { 0 };

	if (address->kind != CASTSSL_HBA_ADDRESS_MASK)
		return interval;
	interval.family = address->family;
	read_bytes(address->address, bytes_of(&interval), interval.bits);
	read_bytes(address->mask, bytes_of(&interval), interval.mask);
	interval.bits[0] &= interval.mask[0];
	interval.bits[1] &= interval.mask[1];
	return interval;
}

/* The bits before the first one that is not given. */
static uint64
leading(uint64 mask)
{
	return mask == PG_UINT64_MAX ? mask : ~(PG_UINT64_MAX >> (63 - pg_leftmost_one_pos64(~mask)));
}

CastsslInterval
castssl_interval_block(const CastsslInterval *interval)
{
	CastsslInterval block = *interval;

	block.mask[0] = leading(interval->mask[0]);
	block.mask[1] = block.mask[0] == PG_UINT64_MAX ? leading(interval->mask[1]) : 0;
	block.bits[0] &= block.mask[0];
	block.bits[1] &= block.mask[1];
	return block;
}

CastsslInterval
castssl_interval_common(const CastsslInterval *a, const CastsslInterval *b)
{
	return (CastsslInterval){ { a->bits[0] | b->bits[0], a->bits[1] | b->bits[1] },
							  { a->mask[0] | b->mask[0], a->mask[1] | b->mask[1] },
							  Max(a->family, b->family) };
}

int
castssl_interval_compare(const CastsslInterval *a, const CastsslInterval *b)
{
	if (a->family != b->family)
		return (int) a->family - (int) b->family;
	for (int i = 0; i < 2; i++)
		if (a->bits[i] != b->bits[i])
			return a->bits[i] < b->bits[i] ? -1 : 1;
	for (int i = 0; i < 2; i++)
		if (a->mask[i] != b->mask[i])
			return a->mask[i] < b->mask[i] ? -1 : 1;
	return 0;
}

/* Addresses for documentation, where they are in it, are the ones that nobody mistakes. */
void
castssl_interval_example(const CastsslInterval *interval, int n, uint8 *family, uint8 *address)
{
	static const CastsslInterval documentation[] = {
		{ { UINT64CONST(0xc000020100000000), 0 }, { UINT64CONST(0xffffffff00000000), 0 }, 4 },
		{ { UINT64CONST(0x20010db800000000), 1 }, { PG_UINT64_MAX, PG_UINT64_MAX }, 6 }
	};
	CastsslInterval example = *interval;
	int lowest;

	if (example.family == 0)
		example.family = n % 2 == 0 ? 4 : 6;
	lowest = bytes_of(&example) * 8 - 1;
	for (int i = 0; i < lengthof(documentation) && n == 0; i++)
		if (castssl_interval_covers(&example, &documentation[i]))
		{
			example = documentation[i];
			lowest = -1;
		}
	/* the bits of n from the highest free bit on; the lowest is 1, so that it is no network's */
	for (int i = 0; i <= lowest; i++)
	{
		uint64 bit = UINT64CONST(1) << (63 - i % 64);

		if ((example.mask[i / 64] & bit) != 0)
			continue;
		if ((n & 1) != 0 || (i == lowest && n == 0))
			example.bits[i / 64] |= bit;
		n >>= 1;
	}
	*family = example.family;
	write_bytes(example.bits, bytes_of(&example), address);
}

char *
castssl_interval_text(const CastsslInterval *interval)
{
	CastsslInterval block = castssl_interval_block(interval);
	int family = interval->family == 4 ? AF_INET : AF_INET6;
	uint8 bytes[16];
	char address[64];
	char mask[64];

	if (interval->family == 0)
		return pstrdup("all");
	write_bytes(interval->bits, bytes_of(interval), bytes);
	inet_ntop(family, bytes, address, sizeof(address));
	if (castssl_interval_compare(&block, interval) == 0)
		return psprintf("%s/%d", address,
						pg_popcount64(block.mask[0]) + pg_popcount64(block.mask[1]));
	write_bytes(interval->mask, bytes_of(interval), bytes);
	inet_ntop(family, bytes, mask, sizeof(mask));
	return psprintf("%s/%s", address, mask);
}

void
castssl_hba_parts_add(CastsslHbaParts *parts, const CastsslInterval *interval, int rule)
{
	CASTSSL_GROW(parts->items, parts->count, parts->capacity);
	parts->items[parts->count++] = (CastsslHbaPart){ *interval, rule };
}

/* One question.  The stack has those takers that meet the part that is looked at. */
typedef struct Search
{
	const CastsslHbaParts *takers;
	CastsslHbaPatience *patience;
	long steps; /* that may still be made */
	CastsslInts stack;
	CastsslHbaParts *rest;
	int found;
	int max;
} Search;

void
castssl_hba_patience_step(CastsslHbaPatience *patience, long steps)
{
	long before = patience->left;

	patience->left -= steps;
	if (before / STEPS_UNINTERRUPTED != patience->left / STEPS_UNINTERRUPTED)
		castssl_let_interrupt();
}

/* All takers go on the stack. */
static Search
begin(const CastsslHbaParts *takers, CastsslHbaPatience *patience)
{
	Search search = { .takers = takers, .patience = patience };

	search.steps = Max(FEW_STEPS, Min(STEPS_OF_QUESTION, patience->left / SHARE));
	search.stack.capacity = takers->count + 8;
	search.stack.items = palloc(search.stack.capacity * sizeof(int));
	for (int i = 0; i < takers->count; i++)
		castssl_ints_add(&search.stack, i);
	return search;
}

/*
 * The takers of stack[first .. first + count) that meet a part go on the stack.
 * *covering is the first of them that covers it (its place on the stack), or -1;
 * then no later one counts.  *fixed are the bits that they ask for.
 */
static int
meeting(Search *search, const CastsslInterval *part, int first, int count, int *covering,
		uint64 *fixed)
{
	int start = search->stack.count;

	*covering = -1;
	fixed[0] = fixed[1] = 0;
	search->steps -= count;
	castssl_hba_patience_step(search->patience, count);
	for (int i = first; i < first + count && *covering < 0; i++)
	{
		int place = search->stack.items[i];
		const CastsslInterval *taken = &search->takers->items[place].interval;

		if (!castssl_interval_meets(taken, part))
			continue;
		if (castssl_interval_covers(taken, part))
			*covering = search->stack.count;
		fixed[0] |= taken->mask[0];
		fixed[1] |= taken->mask[1];
		castssl_ints_add(&search->stack, place);
	}
	return search->stack.count - start;
}

/* Cut in two at the first bit, the family before all, that is asked for and not given. */
static void
halve(const CastsslInterval *part, const uint64 *fixed, CastsslInterval *halves)
{
	halves[0] = halves[1] = *part;
	if (part->family == 0)
	{
		halves[0].family = 4;
		halves[1].family = 6;
		return;
	}
	for (int i = 0; i < 2; i++)
	{
		uint64 open = fixed[i] & ~part->mask[i];
		uint64 bit;

		if (open == 0)
			continue;
		bit = UINT64CONST(1) << pg_leftmost_one_pos64(open);
		halves[0].mask[i] |= bit;
		halves[1].mask[i] |= bit;
		halves[1].bits[i] |= bit;
		return;
	}
}

/* Is it in the block in which something is known to be left? */
static bool
is_named(const Search *search, const CastsslInterval *part)
{
	CastsslInterval block;

	if (search->rest == NULL || search->rest->count == 0)
		return false;
	block = castssl_interval_block(&search->rest->items[search->rest->count - 1].interval);
	return castssl_interval_covers(&block, part);
}

/* False: more is left than is wanted. */
static bool
look(Search *search, const CastsslInterval *part, int first, int count)
{
	int start = search->stack.count;
	int covering;
	uint64 fixed[2];
	CastsslInterval halves[2];
	bool more = true;

	if (is_named(search, part))
		return true;
	count = meeting(search, part, first, count, &covering, fixed);
	if (count == 0 || (covering < 0 && search->steps < 0))
	{
		search->found++;
		if (search->rest != NULL)
			castssl_hba_parts_add(search->rest, part, -1);
		more = search->found <= search->max;
	}
	else if (covering < 0)
	{
		halve(part, fixed, halves);
		more = look(search, &halves[0], start, count) && look(search, &halves[1], start, count);
	}
	search->stack.count = start;
	return more;
}

bool
castssl_hba_left(const CastsslHbaParts *takers, const CastsslInterval *interval,
				 CastsslHbaPatience *patience, CastsslHbaParts *rest, int max)
{
	Search search = begin(takers, patience);

	search.rest = rest;
	search.max = max;
	look(&search, interval, 0, takers->count);
	pfree(search.stack.items);
	return search.found > 0;
}

static void
block(Search *search, const CastsslInterval *part, int first, int count, CastsslInts *rules)
{
	int start = search->stack.count;
	int covering;
	uint64 fixed[2];
	CastsslInterval halves[2];

	count = meeting(search, part, first, count, &covering, fixed);
	/* does a part of what the last one covers get past those before it? */
	search->found = 0;
	if (covering >= 0)
		look(search, part, start, count - 1);
	if (search->found > 0)
		castssl_ints_add(rules, search->takers->items[search->stack.items[covering]].rule);
	else if (search->steps < 0)
		/* LCOV_EXCL_START: what was found out within patience takes no more than it here */
		for (int i = 0; i < count; i++)
			castssl_ints_add(rules, search->takers->items[search->stack.items[start + i]].rule);
	/* LCOV_EXCL_STOP */
	else if (count > 0)
	{
		halve(part, fixed, halves);
		for (int i = 0; i < 2; i++)
			block(search, &halves[i], start, covering >= 0 ? count - 1 : count, rules);
	}
	search->stack.count = start;
}

static int
compare_parts(const void *left, const void *right)
{
	return ((const CastsslHbaPart *) left)->rule - ((const CastsslHbaPart *) right)->rule;
}

void
castssl_hba_blocking(CastsslHbaParts *takers, const CastsslInterval *interval,
					 CastsslHbaPatience *patience, CastsslInts *rules)
{
	Search search;

	if (takers->count > 1)
		qsort(takers->items, takers->count, sizeof(CastsslHbaPart), compare_parts);
	search = begin(takers, patience);
	block(&search, interval, 0, takers->count, rules);
	pfree(search.stack.items);
}
