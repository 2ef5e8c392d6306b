/*
 * trie.c
 *		Path-compressed binary tries of address blocks, many of them in one arena.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <limits.h>

#include "hba/access/trie.h"

void
castssl_ints_add(CastsslInts *ints, int value)
{
	if (ints->count == ints->capacity)
	{
		int capacity = Max(4, ints->capacity * 2);

		if (ints->items == NULL)
			ints->items = palloc(capacity * sizeof(int));
		else
			ints->items = repalloc(ints->items, capacity * sizeof(int));
		ints->capacity = capacity;
	}
	ints->items[ints->count++] = value;
}

static int
compare_ints(const void *a, const void *b)
{
	int left = *(const int *) a;
	int right = *(const int *) b;

	return left < right ? -1 : left > right;
}

void
castssl_ints_unique(CastsslInts *ints)
{
	int count = 0;

	if (ints->count < 2)
		return;
	qsort(ints->items, ints->count, sizeof(int), compare_ints);
	for (int i = 0; i < ints->count; i++)
		if (count == 0 || ints->items[count - 1] != ints->items[i])
			ints->items[count++] = ints->items[i];
	ints->count = count;
}

static int
add_node(CastsslTrie *trie, CastsslPrefix prefix)
{
	CastsslTrieNode *node;

	if (trie->nnodes == trie->node_capacity)
	{
		int capacity = Max(64, trie->node_capacity * 2);

		if (trie->nodes == NULL)
			trie->nodes = palloc(capacity * sizeof(CastsslTrieNode));
		else
			trie->nodes = repalloc(trie->nodes, capacity * sizeof(CastsslTrieNode));
		trie->node_capacity = capacity;
	}
	node = &trie->nodes[trie->nnodes];
	node->prefix = prefix;
	node->child[0] = node->child[1] = CASTSSL_TRIE_NONE;
	node->first = node->full = node->least = CASTSSL_NEVER;
	node->values = node->last = CASTSSL_TRIE_NONE;
	return trie->nnodes++;
}

static void
add_value(CastsslTrie *trie, int number, int value, bool chain)
{
	CastsslTrieNode *node = &trie->nodes[number];

	node->first = Min(node->first, value);
	if (!chain)
		return;
	if (trie->nvalues == trie->value_capacity)
	{
		int capacity = Max(64, trie->value_capacity * 2);

		if (trie->values == NULL)
			trie->values = palloc(capacity * sizeof(CastsslTrieValue));
		else
			trie->values = repalloc(trie->values, capacity * sizeof(CastsslTrieValue));
		trie->value_capacity = capacity;
	}
	trie->values[trie->nvalues].value = value;
	trie->values[trie->nvalues].next = CASTSSL_TRIE_NONE;
	if (node->last == CASTSSL_TRIE_NONE)
		node->values = trie->nvalues;
	else
		trie->values[node->last].next = trie->nvalues;
	node->last = trie->nvalues++;
}

/* What follows from the node itself and from its children. */
static void
refresh(CastsslTrie *trie, int number)
{
	CastsslTrieNode *node = &trie->nodes[number];
	bool halves = true;
	int children = 0;

	node->least = node->first;
	node->full = node->first;
	for (int i = 0; i < 2; i++)
	{
		const CastsslTrieNode *child;

		if (node->child[i] == CASTSSL_TRIE_NONE)
		{
			halves = false;
			continue;
		}
		child = &trie->nodes[node->child[i]];
		node->least = Min(node->least, child->least);
		halves = halves && child->prefix.length == node->prefix.length + 1;
		children = Max(children, child->full);
	}
	if (halves)
		node->full = Min(node->full, children);
}

int
castssl_trie_insert(CastsslTrie *trie, int root, CastsslPrefix prefix, int value, bool chain)
{
	int common;
	int length;
	int number = root;

	if (root == CASTSSL_TRIE_NONE)
	{
		number = add_node(trie, prefix);
		add_value(trie, number, value, chain);
		refresh(trie, number);
		return number;
	}
	length = trie->nodes[root].prefix.length;
	common = castssl_prefix_common(&trie->nodes[root].prefix, &prefix);
	if (common == length && common == prefix.length)
		add_value(trie, root, value, chain);
	else if (common == length)
	{
		int bit = castssl_prefix_bit(&prefix, common);
		int child = castssl_trie_insert(trie, trie->nodes[root].child[bit], prefix, value, chain);

		trie->nodes[root].child[bit] = child;
	}
	else
	{
		int bit = castssl_prefix_bit(&trie->nodes[root].prefix, common);

		number = add_node(trie, castssl_prefix_truncate(prefix, common));
		trie->nodes[number].child[bit] = root;
		if (common == prefix.length)
			add_value(trie, number, value, chain);
		else
		{
			int child = castssl_trie_insert(trie, CASTSSL_TRIE_NONE, prefix, value, chain);

			trie->nodes[number].child[1 - bit] = child;
		}
	}
	refresh(trie, number);
	return number;
}

int
castssl_trie_first(const CastsslTrie *trie, int root, const CastsslPrefix *prefix, int best)
{
	while (root != CASTSSL_TRIE_NONE)
	{
		const CastsslTrieNode *node = &trie->nodes[root];

		if (node->least >= best || !castssl_prefix_contains(&node->prefix, prefix))
			break;
		best = Min(best, node->first);
		if (node->prefix.length == prefix->length)
			break;
		root = node->child[castssl_prefix_bit(prefix, node->prefix.length)];
	}
	return best;
}

static bool
visit_values(const CastsslTrie *trie, const CastsslTrieNode *node,
			 CastsslVisit (*visit)(void *arg, int value), void *arg)
{
	CastsslVisit next = CASTSSL_VISIT_ON;

	for (int i = node->values; i != CASTSSL_TRIE_NONE && next == CASTSSL_VISIT_ON;
		 i = trie->values[i].next)
		next = visit(arg, trie->values[i].value);
	return next != CASTSSL_VISIT_STOP;
}

static bool
visit_all(const CastsslTrie *trie, int root, CastsslVisit (*visit)(void *arg, int value), void *arg)
{
	if (root == CASTSSL_TRIE_NONE)
		return true;
	return visit_values(trie, &trie->nodes[root], visit, arg) &&
		   visit_all(trie, trie->nodes[root].child[0], visit, arg) &&
		   visit_all(trie, trie->nodes[root].child[1], visit, arg);
}

bool
castssl_trie_visit(const CastsslTrie *trie, int root, const CastsslPrefix *prefix, bool inside,
				   CastsslVisit (*visit)(void *arg, int value), void *arg)
{
	while (root != CASTSSL_TRIE_NONE)
	{
		const CastsslTrieNode *node = &trie->nodes[root];

		if (node->prefix.length >= prefix->length)
		{
			if (!castssl_prefix_contains(prefix, &node->prefix))
				return true;
			if (inside)
				return visit_all(trie, root, visit, arg);
			return node->prefix.length > prefix->length || visit_values(trie, node, visit, arg);
		}
		if (!castssl_prefix_contains(&node->prefix, prefix))
			return true;
		if (!visit_values(trie, node, visit, arg))
			return false;
		root = node->child[castssl_prefix_bit(prefix, node->prefix.length)];
	}
	return true;
}

/* Values that together take the whole block of a node. */
static void
use_full(const CastsslTrie *trie, int number, int limit, CastsslInts *used)
{
	const CastsslTrieNode *node = &trie->nodes[number];

	if (node->first < limit)
		castssl_ints_add(used, node->first);
	else
	{
		use_full(trie, node->child[0], limit, used);
		use_full(trie, node->child[1], limit, used);
	}
}

/*
 * Step down to where this cover says something about prefix.  Returns the node
 * whose block is prefix, or the topmost one in it; CASTSSL_TRIE_NONE if the cover
 * has nothing there.  *taken is set, and the node is that one, if it takes all of prefix.
 */
static int
descend(const CastsslCover *cover, const CastsslPrefix *prefix, bool *taken)
{
	int number = cover->node;

	while (number != CASTSSL_TRIE_NONE)
	{
		const CastsslTrieNode *node = &cover->trie->nodes[number];

		if (node->least >= cover->limit)
			return CASTSSL_TRIE_NONE;
		if (node->prefix.length > prefix->length)
			return castssl_prefix_contains(prefix, &node->prefix) ? number : CASTSSL_TRIE_NONE;
		if (!castssl_prefix_contains(&node->prefix, prefix))
			return CASTSSL_TRIE_NONE;
		if (node->full < cover->limit)
		{
			*taken = true;
			return number;
		}
		if (node->prefix.length == prefix->length)
			return number;
		number = node->child[castssl_prefix_bit(prefix, node->prefix.length)];
	}
	return CASTSSL_TRIE_NONE;
}

static bool
walk(const CastsslCover *covers, int ncovers, CastsslPrefix prefix, CastsslPrefixes *rest, int max,
	 CastsslInts *used)
{
	CastsslCover here[CASTSSL_MAX_COVERS];
	int nhere = 0;

	for (int i = 0; i < ncovers; i++)
	{
		bool taken = false;
		int number = descend(&covers[i], &prefix, &taken);

		if (taken)
		{
			if (used != NULL)
				use_full(covers[i].trie, number, covers[i].limit, used);
			return true;
		}
		if (number == CASTSSL_TRIE_NONE)
			continue;
		here[nhere] = covers[i];
		here[nhere++].node = number;
	}
	if (nhere == 0)
	{
		castssl_prefixes_add(rest, prefix);
		return rest->count <= max;
	}
	return walk(here, nhere, castssl_prefix_child(prefix, 0), rest, max, used) &&
		   walk(here, nhere, castssl_prefix_child(prefix, 1), rest, max, used);
}

bool
castssl_uncovered(const CastsslCover *covers, int ncovers, CastsslPrefix prefix,
				  CastsslPrefixes *rest, int max)
{
	return walk(covers, Min(ncovers, CASTSSL_MAX_COVERS), prefix, rest, max, NULL);
}

void
castssl_covering(const CastsslCover *covers, int ncovers, CastsslPrefix prefix, CastsslInts *used)
{
	CastsslPrefixes rest = { 0 };

	walk(covers, Min(ncovers, CASTSSL_MAX_COVERS), prefix, &rest, 0, used);
}
