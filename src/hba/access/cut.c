/*
 * cut.c
 *		How rules cut an interval of addresses, and what they leave of it.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "port/pg_bitutils.h"

#include "base/grow.h"
#include "base/interrupts.h"
#include "hba/access/cut.h"

/* One call may use 1/SHARE of the patience, at most STEPS_OF_QUESTION, at least FEW_STEPS. */
#define STEPS_OF_QUESTION 4000000L
#define FEW_STEPS 10000L
#define SHARE 16

void
castssl_hba_parts_add(CastsslHbaParts *parts, const CastsslInterval *interval, int rule)
{
	CASTSSL_GROW(parts->items, parts->count, parts->capacity);
	parts->items[parts->count++] = (CastsslHbaPart){ *interval, rule };
}

/* One call.  The stack has the takers that meet the current part. */
typedef struct Search
{
	const CastsslHbaParts *takers;
	long *patience;
	CastsslHbaParts *rest;
	int max;
	long steps; /* number of steps that remain */
	CastsslInts stack;
	int found;             /* number of parts that no taker takes */
	CastsslInterval block; /* the CIDR block around the last of them */
} Search;

/*
 * Push those takers of stack[first .. first + count) that meet the part, and return how many.
 * *covering is the place on the stack of the first that covers the part, and no later one is
 * pushed; -1: none covers it. *fixed are the bits in their masks.
 */
static int
meeting(Search *search, const CastsslInterval *part, int first, int count, int *covering,
		uint64 *fixed)
{
	int start = search->stack.count;

	*covering = -1;
	fixed[0] = fixed[1] = 0;
	castssl_let_interrupt();
	search->steps -= count;
	*search->patience -= count;
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

/* Cut a part in two: by family, else at the first bit of fixed that is not in the part's mask. */
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

/* Find what the takers leave of a part.  False: these are more than max parts. */
static bool
look(Search *search, const CastsslInterval *part, int first, int count)
{
	int start = search->stack.count;
	int covering;
	uint64 fixed[2];
	CastsslInterval halves[2];
	bool more = true;

	if (search->found > 0 && castssl_interval_covers(&search->block, part))
		return true;
	count = meeting(search, part, first, count, &covering, fixed);
	if (count == 0 || (covering < 0 && search->steps < 0))
	{
		search->found++;
		search->block = castssl_interval_block(part);
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

/* Nothing is left of the part: find the rules that block it. */
static void
block(Search *search, const CastsslInterval *part, int first, int count, CastsslInts *rules)
{
	int start = search->stack.count;
	int covering;
	uint64 fixed[2];
	CastsslInterval halves[2];

	count = meeting(search, part, first, count, &covering, fixed);
	/* is the covering taker needed, or do those before it take all of the part? */
	search->found = 0;
	if (covering >= 0)
		look(search, part, start, --count);
	if (search->found > 0)
		castssl_ints_add(rules, search->takers->items[search->stack.items[covering]].rule);
	else
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
