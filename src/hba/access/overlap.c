/*
 * overlap.c
 *		Which rules of one policy can share a connection with a rule of another.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <limits.h>

#include "hba/access/overlap.h"

/* Nearly all searches by order are at an end after so many. */
#define FEW_STEPS 256

/*
 * Most edits leave few others.  For those the tries are not worth while, which take
 * many more steps for each box than this.
 */
#define PATIENCE 4

/* Boxes by a key of one field: a trie for each name, and one for those that name nobody. */
typedef struct ByName
{
	int *roots; /* of each name of the universe */
	int broad;
} ByName;

struct CastsslHbaOverlap
{
	const CastsslHbaIndex *index;
	const int *covers;
	int size;       /* of the lowest level of highest, a power of 2 */
	int *highest;   /* a heap-ordered tree of the largest covers */
	int patience;   /* steps that may still be spent on searches by order before there are tries */
	bool has_tries; /* all that follows */
	CastsslTrie trie;
	ByName users;
	ByName databases;
	int everything;
	int *seen; /* for each position, the search that has found it */
	int search;
};

typedef struct Search
{
	CastsslHbaOverlap *overlap;
	int position;
	int last;
	int work; /* steps that may still be made */
	CastsslInts *candidates;
} Search;

CastsslHbaOverlap *
castssl_hba_overlap_create(const CastsslHbaIndex *index, const int *covers)
{
	CastsslHbaOverlap *overlap = palloc0(sizeof(CastsslHbaOverlap));

	overlap->index = index;
	overlap->covers = covers;
	overlap->patience = Min(INT_MAX / 8, index->nboxes) * PATIENCE;
	overlap->size = 1;
	while (overlap->size < index->nboxes)
		overlap->size *= 2;
	overlap->highest = palloc(2 * (size_t) overlap->size * sizeof(int));
	for (int i = 0; i < overlap->size; i++)
		overlap->highest[overlap->size + i] = i < index->nboxes ? covers[i] : -1;
	for (size_t i = overlap->size - 1; i > 0; i--)
		overlap->highest[i] = Max(overlap->highest[2 * i], overlap->highest[2 * i + 1]);
	return overlap;
}

static bool
find_by_order(Search *search, int node, int first, int width)
{
	const CastsslHbaOverlap *overlap = search->overlap;

	if (first > search->last || overlap->highest[node] < search->position)
		return true;
	if (search->work-- == 0)
		return false;
	if (width == 1)
	{
		castssl_ints_add(search->candidates, first);
		return true;
	}
	return find_by_order(search, 2 * node, first, width / 2) &&
		   find_by_order(search, 2 * node + 1, first + width / 2, width / 2);
}

static void
insert_by_name(CastsslHbaOverlap *overlap, ByName *by_name, const int *keys, int nkeys,
			   const CastsslPrefix *prefix, int position)
{
	bool broad = false;

	for (int i = 0; i < nkeys; i++)
	{
		int *root;

		if (CASTSSL_KEY_KIND(keys[i]) != CASTSSL_KEY_NAME)
		{
			broad = true;
			continue;
		}
		root = &by_name->roots[CASTSSL_KEY_NAME_OF(keys[i])];
		*root = castssl_trie_insert(&overlap->trie, *root, *prefix, position, true);
	}
	if (broad)
		by_name->broad =
			castssl_trie_insert(&overlap->trie, by_name->broad, *prefix, position, true);
}

/* A block of a box. */
typedef struct Block
{
	CastsslPrefix prefix;
	int position;
} Block;

static int
compare_blocks(const void *left, const void *right)
{
	const Block *a = left;
	const Block *b = right;
	int order = castssl_prefix_compare(&a->prefix, &b->prefix);

	return order != 0 ? order : a->position < b->position ? -1 : a->position > b->position;
}

/*
 * All blocks, one beside the other in the tries as in the array: so most of the way
 * from the root to the next one is the way to the last one, which is in the cache.
 */
static Block *
sorted_blocks(const CastsslHbaIndex *index, int *count)
{
	Block *blocks;
	int n = 0;

	for (int i = 0; i < index->nboxes; i++)
		n += index->boxes[i]->nprefixes;
	blocks = palloc(n * sizeof(Block));
	*count = n;
	n = 0;
	for (int i = 0; i < index->nboxes; i++)
		for (int j = 0; j < index->boxes[i]->nprefixes; j++)
			blocks[n++] = (Block){ index->boxes[i]->prefixes[j], i };
	qsort(blocks, n, sizeof(Block), compare_blocks);
	return blocks;
}

static void
begin_by_name(ByName *by_name, int nnames)
{
	by_name->broad = CASTSSL_TRIE_NONE;
	by_name->roots = palloc(Max(1, nnames) * sizeof(int));
	for (int i = 0; i < nnames; i++)
		by_name->roots[i] = CASTSSL_TRIE_NONE;
}

static void
build_tries(CastsslHbaOverlap *overlap)
{
	const CastsslHbaIndex *index = overlap->index;
	Block *blocks;
	int count;

	overlap->has_tries = true;
	begin_by_name(&overlap->users, index->universe->nnames);
	begin_by_name(&overlap->databases, index->universe->nnames);
	overlap->everything = CASTSSL_TRIE_NONE;
	overlap->seen = palloc0(index->nboxes * sizeof(int));
	blocks = sorted_blocks(index, &count);
	for (int i = 0; i < count; i++)
	{
		const Block *block = &blocks[i];
		const CastsslHbaBox *box = index->boxes[block->position];

		insert_by_name(overlap, &overlap->users, box->users, box->nusers, &block->prefix,
					   block->position);
		insert_by_name(overlap, &overlap->databases, box->databases, box->ndatabases,
					   &block->prefix, block->position);
		overlap->everything = castssl_trie_insert(&overlap->trie, overlap->everything,
												  block->prefix, block->position, true);
	}
	pfree(blocks);
}

static CastsslVisit
visit(void *arg, int position)
{
	Search *search = arg;
	CastsslHbaOverlap *overlap = search->overlap;

	if (search->work-- == 0)
		return CASTSSL_VISIT_STOP;
	if (position > search->last)
		return CASTSSL_VISIT_SKIP;
	if (overlap->covers[position] >= search->position && overlap->seen[position] != overlap->search)
	{
		overlap->seen[position] = overlap->search;
		castssl_ints_add(search->candidates, position);
	}
	return CASTSSL_VISIT_ON;
}

static bool
names_only(const int *keys, int nkeys)
{
	for (int i = 0; i < nkeys; i++)
		if (CASTSSL_KEY_KIND(keys[i]) != CASTSSL_KEY_NAME)
			return false;
	return true;
}

static bool
visit_by_name(Search *search, const ByName *by_name, const int *keys, int nkeys,
			  const CastsslPrefix *prefix)
{
	const CastsslTrie *trie = &search->overlap->trie;

	for (int i = 0; i < nkeys; i++)
		if (!castssl_trie_visit(trie, by_name->roots[CASTSSL_KEY_NAME_OF(keys[i])], prefix, true,
								visit, search))
			return false;
	return castssl_trie_visit(trie, by_name->broad, prefix, true, visit, search);
}

static bool
find_by_content(Search *search, const CastsslHbaBox *box)
{
	CastsslHbaOverlap *overlap = search->overlap;

	if (!overlap->has_tries)
		build_tries(overlap);
	overlap->search++;
	for (int i = 0; i < box->nprefixes; i++)
	{
		bool done;

		if (names_only(box->users, box->nusers))
			done =
				visit_by_name(search, &overlap->users, box->users, box->nusers, &box->prefixes[i]);
		else if (names_only(box->databases, box->ndatabases))
			done = visit_by_name(search, &overlap->databases, box->databases, box->ndatabases,
								 &box->prefixes[i]);
		else
			done = castssl_trie_visit(&overlap->trie, overlap->everything, &box->prefixes[i], true,
									  visit, search);
		if (!done)
			return false;
	}
	return true;
}

void
castssl_hba_overlap_find(CastsslHbaOverlap *overlap, const CastsslHbaBox *box, int position,
						 int last, CastsslInts *candidates)
{
	Search search = { overlap, position, last, 0, candidates };

	/* whichever of the two filters is done first, with ever more steps for both */
	for (int steps = FEW_STEPS + overlap->patience;;
		 steps = steps > INT_MAX / 4 ? INT_MAX : steps * 4)
	{
		bool done;

		candidates->count = 0;
		search.work = steps;
		done = find_by_order(&search, 1, 0, overlap->size);
		overlap->patience = Min(overlap->patience, Max(0, search.work));
		if (done)
			break;
		candidates->count = 0;
		search.work = steps;
		if (find_by_content(&search, box))
			break;
	}
	castssl_ints_unique(candidates);
}

void
castssl_hba_overlap_free(CastsslHbaOverlap *overlap)
{
	pfree(overlap->highest);
	if (overlap->has_tries)
	{
		pfree(overlap->seen);
		pfree(overlap->trie.nodes);
		pfree(overlap->trie.values);
		pfree(overlap->users.roots);
		pfree(overlap->databases.roots);
	}
	pfree(overlap);
}
