/*
 * trie.h
 *		Path-compressed binary tries of address blocks, many of them in one arena.
 *
 * Each block carries numbers (positions of rules).  What they are for: to say,
 * of the rules before a given position, whether together they take every address
 * of a block, and which addresses they leave.
 */
#ifndef CASTSSL_HBA_ACCESS_TRIE_H
#define CASTSSL_HBA_ACCESS_TRIE_H

#include "hba/access/prefix.h"

#define CASTSSL_TRIE_NONE (-1)
#define CASTSSL_NEVER INT_MAX

typedef struct CastsslTrieNode
{
	CastsslPrefix prefix;
	int child[2];
	int first;  /* the smallest value at this very block; CASTSSL_NEVER: none */
	int full;   /* values up to this one, here and below, take the whole block */
	int least;  /* the smallest value here and below */
	int values; /* head of the chain of all values at this block, ascending */
	int last;   /* its tail */
} CastsslTrieNode;

typedef struct CastsslTrieValue
{
	int value;
	int next;
} CastsslTrieValue;

/* Zero-initialize before the first use. */
typedef struct CastsslTrie
{
	CastsslTrieNode *nodes;
	int nnodes;
	int node_capacity;
	CastsslTrieValue *values;
	int nvalues;
	int value_capacity;
} CastsslTrie;

/* A trie (its root) of which only the values below limit count. */
typedef struct CastsslCover
{
	const CastsslTrie *trie;
	int node;
	int limit;
} CastsslCover;

/* More covers than this are never looked at. */
#define CASTSSL_MAX_COVERS 64

typedef struct CastsslInts
{
	int *items;
	int count;
	int capacity;
} CastsslInts;

extern void castssl_ints_add(CastsslInts *ints, int value);

/* Sort, and drop what is there twice. */
extern void castssl_ints_unique(CastsslInts *ints);

/*
 * Put value at a block; the values of one block must come in ascending order.  root is
 * CASTSSL_TRIE_NONE for an empty trie; the new root is returned.
 * chain: keep every value, not only the smallest, for castssl_trie_visit.
 */
extern int castssl_trie_insert(CastsslTrie *trie, int root, CastsslPrefix prefix, int value,
							   bool chain);

/* The smallest value at a block that contains prefix, if it is below best; else best. */
extern int castssl_trie_first(const CastsslTrie *trie, int root, const CastsslPrefix *prefix,
							  int best);

typedef enum CastsslVisit
{
	CASTSSL_VISIT_ON,
	CASTSSL_VISIT_SKIP, /* the other values of this block are of no interest */
	CASTSSL_VISIT_STOP
} CastsslVisit;

/*
 * Call visit with every chained value at blocks that contain prefix and, if
 * inside is set, at those in it; within a block in ascending order.  Returns
 * false if visit has stopped it.
 */
extern bool castssl_trie_visit(const CastsslTrie *trie, int root, const CastsslPrefix *prefix,
							   bool inside, CastsslVisit (*visit)(void *arg, int value), void *arg);

/*
 * Add to rest what the covers together leave of prefix.  Stops, and returns
 * false, as soon as rest holds more than max blocks.
 */
extern bool castssl_uncovered(const CastsslCover *covers, int ncovers, CastsslPrefix prefix,
							  CastsslPrefixes *rest, int max);

/* For a prefix of which nothing is left: add values that together take it to used. */
extern void castssl_covering(const CastsslCover *covers, int ncovers, CastsslPrefix prefix,
							 CastsslInts *used);

#endif
