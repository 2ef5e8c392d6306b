/*
 * interval.c
 *		Addresses that are alike, and how rules cut them.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "port/pg_bitutils.h"
#include "port/pg_bswap.h"

#include "base/grow.h"
#include "base/interrupts.h"
#include "hba/access/interval.h"
#include "hba/text/address.h"

#define STEPS_OF_QUESTION 4000000L /* a share of what is left, but at least FEW */
#define FEW_STEPS 10000L
#define SHARE 16
#define STEPS_UNINTERRUPTED 10000

/* In the order of the network. */
static void
read_bytes(const uint8 *bytes, int family, uint64 *words)
{
	words[0] = words[1] = 0;
	memcpy(words, bytes, family == 4 ? 4 : 16);
	words[0] = pg_ntoh64(words[0]);
	words[1] = pg_ntoh64(words[1]);
}

static void
write_bytes(const uint64 *words, uint8 *bytes)
{
	uint64 ordered[2] = { pg_hton64(words[0]), pg_hton64(words[1]) };

	memcpy(bytes, ordered, 16);
}

CastsslInterval
castssl_interval_of(const CastsslHbaAddress *address)
{
	CastsslInterval interval = { 0 };

	if (address->kind != CASTSSL_HBA_ADDRESS_MASK)
		return interval;
	interval.family = address->family;
	read_bytes(address->address, address->family, interval.bits);
	read_bytes(address->mask, address->family, interval.mask);
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

void
castssl_interval_example(const CastsslInterval *interval, int n, CastsslConnection *connection)
{
	/* where there is a choice: addresses for documentation are the ones that nobody mistakes */
	static const CastsslInterval documentation[] = {
		{ { UINT64CONST(0xc000020100000000), 0 }, { UINT64CONST(0xffffffff00000000), 0 }, 4 },
		{ { UINT64CONST(0x20010db800000000), 1 }, { PG_UINT64_MAX, PG_UINT64_MAX }, 6 }
	};
	int family = interval->family != 0 ? interval->family : n % 2 == 0 ? 4 : 6;
	const CastsslInterval *from = &documentation[family == 6];
	int lowest = family == 4 ? 31 : 127;
	uint64 bits[2];

	if (n > 0 || !castssl_interval_covers(interval, from))
		from = interval;
	memcpy(bits, from->bits, sizeof(bits));
	/* the bits of n from the highest free bit on; the lowest is 1, so that it is no network's */
	for (int i = 0, left = n; i <= lowest; i++)
	{
		uint64 bit = UINT64CONST(1) << (63 - i % 64);

		if ((from->mask[i / 64] & bit) != 0)
			continue;
		if ((left & 1) != 0 || (i == lowest && left == 0))
			bits[i / 64] |= bit;
		left >>= 1;
	}
	connection->family = family;
	write_bytes(bits, connection->address);
}

char *
castssl_interval_text(const CastsslInterval *interval)
{
	CastsslHbaAddress address = { .family = interval->family };
	char *text;

	if (interval->family == 0)
		return pstrdup("all");
	write_bytes(interval->bits, address.address);
	write_bytes(interval->mask, address.mask);
	text = castssl_hba_range_text(&address);
	if (strchr(text, ' ') != NULL)
		*strchr(text, ' ') = '/';
	return text;
}

void
castssl_hba_parts_add(CastsslHbaParts *parts, const CastsslInterval *interval, int rule)
{
	CASTSSL_GROW(parts->items, parts->count, parts->capacity);
	parts->items[parts->count++] = (CastsslHbaPart){ *interval, rule };
}

void
castssl_hba_patience_step(long *patience, long steps)
{
	long before = *patience;

	*patience -= steps;
	if (before / STEPS_UNINTERRUPTED != *patience / STEPS_UNINTERRUPTED)
		castssl_let_interrupt();
}

/* One question.  The stack has those takers that meet the part that is looked at. */
typedef struct Search
{
	const CastsslHbaParts *takers;
	long *patience;
	CastsslHbaParts *rest;
	int max;
	long steps; /* that may still be made */
	CastsslInts stack;
	int found;
} Search;

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
	uint64 open = fixed[0] & ~part->mask[0];
	int word = open == 0;
	uint64 bit;

	halves[0] = halves[1] = *part;
	if (part->family == 0)
	{
		halves[0].family = 4;
		halves[1].family = 6;
		return;
	}
	if (open == 0)
		open = fixed[1] & ~part->mask[1];
	bit = UINT64CONST(1) << pg_leftmost_one_pos64(open);
	halves[0].mask[word] |= bit;
	halves[1].mask[word] |= bit;
	halves[1].bits[word] |= bit;
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
		look(search, part, start, --count);
	if (search->found > 0)
		castssl_ints_add(rules, search->takers->items[search->stack.items[covering]].rule);
	else if (search->steps < 0)
		/* LCOV_EXCL_START: what was found out within patience takes no more than it here */
		for (int i = start; i < search->stack.count; i++)
			castssl_ints_add(rules, search->takers->items[search->stack.items[i]].rule);
	/* LCOV_EXCL_STOP */
	else if (count > 0)
	{
		halve(part, fixed, halves);
		block(search, &halves[0], start, count, rules);
		block(search, &halves[1], start, count, rules);
	}
	search->stack.count = start;
}

static int
compare_parts(const void *left, const void *right)
{
	return ((const CastsslHbaPart *) left)->rule - ((const CastsslHbaPart *) right)->rule;
}

bool
castssl_hba_left(CastsslHbaParts *takers, const CastsslInterval *interval, long *patience,
				 CastsslHbaParts *rest, int max, CastsslInts *blocking)
{
	Search search = { takers, patience, rest, max };
	bool left;

	search.steps = Max(FEW_STEPS, Min(STEPS_OF_QUESTION, *patience / SHARE));
	for (int i = 0; i < takers->count; i++)
		castssl_ints_add(&search.stack, i);
	if (rest != NULL)
		rest->count = 0;
	look(&search, interval, 0, takers->count);
	left = search.found > 0;
	if (!left && blocking != NULL)
	{
		search.rest = NULL;
		if (takers->count > 1)
			qsort(takers->items, takers->count, sizeof(CastsslHbaPart), compare_parts);
		block(&search, interval, 0, takers->count, blocking);
	}
	castssl_ints_free(&search.stack);
	return left;
}
