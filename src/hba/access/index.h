/*
 * index.h
 *		The rules of one policy for one channel, found by database, user and address.
 *
 * Positions are places in the array of boxes that the index was made of, which
 * is in the order in which the server tries the rules.
 */
#ifndef CASTSSL_HBA_ACCESS_INDEX_H
#define CASTSSL_HBA_ACCESS_INDEX_H

#include "hba/access/class.h"
#include "hba/access/trie.h"

typedef struct CastsslHbaIndex
{
	CastsslHbaUniverse *universe;
	const CastsslHbaPolicy *policy;
	const CastsslHbaBox **boxes;
	int nboxes;
	CastsslTrie trie;        /* one trie for each pair of keys */
	CastsslTable buckets;    /* pair of keys -> number of bucket */
	CastsslInts roots;       /* of each bucket */
	CastsslTable predicates; /* bucket and predicate -> first position */
	bool has_predicates;
	CastsslTrie doubtful; /* boxes with a key of which only the world knows whom it takes */
	int doubtful_root;
	int regexp_root;             /* those of them that have a regular expression */
	CastsslTable by_predicate;   /* user key -> head in predicate_chain */
	CastsslInts predicate_chain; /* pairs (position, next) of boxes with a predicate */
	CastsslTable by_hash; /* hash of a box -> its first position; made by castssl_hba_index_cover */
	long questions;       /* how often the world may still be asked */
} CastsslHbaIndex;

/* The rules of an index before a position. */
typedef struct CastsslHbaSource
{
	const CastsslHbaIndex *index;
	int limit;
} CastsslHbaSource;

/*
 * boxes is kept.  policy is that of which the boxes are.  alone (may be NULL) tells
 * of each rule whether nobody will ask for it: such a one has a position and is
 * never found.
 */
extern CastsslHbaIndex *castssl_hba_index_build(CastsslHbaUniverse *universe,
												const CastsslHbaPolicy *policy,
												const CastsslHbaBox **boxes, int nboxes,
												const bool *alone);
extern void castssl_hba_index_free(CastsslHbaIndex *index);

/*
 * Which addresses of the blocks do the rules of the sources leave, for every
 * connection of the class whose address has the predicates?  Added to rest, until
 * there are more than max.  used (may be NULL): where nothing is left, the
 * positions that together take everything.
 */
extern void castssl_hba_left_over(const CastsslHbaSource *sources, int nsources,
								  const CastsslHbaClass *class, const int *predicates,
								  int npredicates, const CastsslPrefixes *blocks,
								  CastsslPrefixes *rest, int max, CastsslInts *used);

/*
 * castssl_hba_match by the index: the position that answers (nboxes if none),
 * *doubtful the first doubtful one before it, or -1.  Once too many questions
 * have been asked of the world, what it would be asked is doubtful.
 */
extern int castssl_hba_index_match(CastsslHbaIndex *index, const CastsslConnection *connection,
								   int *doubtful);

/*
 * Learn which regular expressions of rules that take this block match the class's
 * names (castssl_hba_class_learn); false if nothing new.
 */
extern bool castssl_hba_index_learn_regexps(const CastsslHbaIndex *index, CastsslHbaClass *class,
											const CastsslPrefix *block, int limit);

/* The position of a box that covers this one, a low one if possible; nboxes if none was found. */
extern int castssl_hba_index_cover(CastsslHbaIndex *index, const CastsslHbaBox *box);

#endif
