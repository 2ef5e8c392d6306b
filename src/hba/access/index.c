/*
 * index.c
 *		The rules of one policy for one channel, found by database, user and address.
 *
 * Each rule stands, for each pair of a database key and a user key of it, in a
 * bucket; a bucket is a trie of address blocks.  A class of connections has few
 * keys, so few buckets hold all rules that surely take it, whatever the size of
 * the policy.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/access/index.h"

/*
 * How often the world is asked, at most: keeps the time bounded where very many
 * rules that only the world can answer stand above others.
 */
#define MAX_QUESTIONS(nboxes) (100000 + 100L * (nboxes))

static uint64
pair_key(int high, int low)
{
	return (uint64) (uint32) high << 32 | (uint32) low;
}

static bool
has_kind(const CastsslHbaBox *box, CastsslHbaKeyKind kind)
{
	for (int i = 0; i < box->nusers; i++)
		if (CASTSSL_KEY_KIND(box->users[i]) == kind)
			return true;
	for (int i = 0; i < box->ndatabases; i++)
		if (CASTSSL_KEY_KIND(box->databases[i]) == kind)
			return true;
	return false;
}

/* Keep a box of which only the world knows which users and databases it takes. */
static void
insert_doubtful(CastsslHbaIndex *index, const CastsslHbaBox *box, int position)
{
	bool regexp = has_kind(box, CASTSSL_KEY_REGEXP);
	bool doubtful =
		regexp || has_kind(box, CASTSSL_KEY_GROUP) || has_kind(box, CASTSSL_KEY_SAMEROLE);

	for (int i = 0; i < box->nprefixes; i++)
	{
		if (doubtful && box->predicate == CASTSSL_NO_PREDICATE)
			index->doubtful_root = castssl_trie_insert(&index->doubtful, index->doubtful_root,
													   box->prefixes[i], position, true);
		if (regexp)
			index->regexp_root = castssl_trie_insert(&index->doubtful, index->regexp_root,
													 box->prefixes[i], position, true);
	}
}

static int
get_bucket(CastsslHbaIndex *index, int database, int user)
{
	int *bucket = castssl_table_place(&index->buckets, pair_key(database, user));

	if (*bucket == CASTSSL_ABSENT)
	{
		*bucket = index->roots.count;
		castssl_ints_add(&index->roots, CASTSSL_TRIE_NONE);
	}
	return *bucket;
}

static void
insert_into_bucket(CastsslHbaIndex *index, int bucket, const CastsslHbaBox *box, int position)
{
	if (box->predicate != CASTSSL_NO_PREDICATE)
	{
		int *first = castssl_table_place(&index->predicates, pair_key(bucket, box->predicate));

		index->has_predicates = true;
		if (*first == CASTSSL_ABSENT)
			*first = position;
		return;
	}
	for (int i = 0; i < box->nprefixes; i++)
		index->roots.items[bucket] = castssl_trie_insert(&index->trie, index->roots.items[bucket],
														 box->prefixes[i], position, false);
}

/* Chain a box with a predicate to each name that it takes, or to "any user" (-1 would be no key).
 */
static void
insert_predicate(CastsslHbaIndex *index, const CastsslHbaBox *box, int position)
{
	bool any = false;

	for (int i = 0; i < box->nusers; i++)
	{
		int key = box->users[i];
		int *head;

		if (CASTSSL_KEY_KIND(key) != CASTSSL_KEY_NAME)
		{
			if (any)
				continue;
			any = true;
			key = CASTSSL_KEY(CASTSSL_KEY_ALL, 0);
		}
		head = castssl_table_place(&index->by_predicate, key);
		castssl_ints_add(&index->predicate_chain, position);
		castssl_ints_add(&index->predicate_chain, *head);
		*head = index->predicate_chain.count - 2;
	}
}

CastsslHbaIndex *
castssl_hba_index_build(CastsslHbaUniverse *universe, const CastsslHbaPolicy *policy,
						const CastsslHbaBox **boxes, int nboxes, const bool *alone)
{
	CastsslHbaIndex *index = palloc0(sizeof(CastsslHbaIndex));

	index->universe = universe;
	index->policy = policy;
	index->boxes = boxes;
	index->nboxes = nboxes;
	index->doubtful_root = index->regexp_root = CASTSSL_TRIE_NONE;
	index->questions = MAX_QUESTIONS(nboxes);
	for (int i = 0; i < nboxes; i++)
	{
		const CastsslHbaBox *box = boxes[i];

		if (alone != NULL && alone[box->rule])
			continue;
		for (int d = 0; d < box->ndatabases; d++)
			for (int u = 0; u < box->nusers; u++)
				insert_into_bucket(index, get_bucket(index, box->databases[d], box->users[u]), box,
								   i);
		if (box->predicate != CASTSSL_NO_PREDICATE)
			insert_predicate(index, box, i);
		insert_doubtful(index, box, i);
	}
	return index;
}

static void
free_trie(CastsslTrie *trie)
{
	if (trie->nodes != NULL)
		pfree(trie->nodes);
	if (trie->values != NULL)
		pfree(trie->values);
}

void
castssl_hba_index_free(CastsslHbaIndex *index)
{
	free_trie(&index->trie);
	free_trie(&index->doubtful);
	castssl_table_free(&index->buckets);
	castssl_table_free(&index->predicates);
	castssl_table_free(&index->by_predicate);
	castssl_table_free(&index->by_hash);
	if (index->roots.items != NULL)
		pfree(index->roots.items);
	if (index->predicate_chain.items != NULL)
		pfree(index->predicate_chain.items);
	pfree(index);
}

/* A position of a rule for one of the predicates (or one that follows) in a bucket; or -1. */
static int
find_predicate(const CastsslHbaIndex *index, int bucket, const int *predicates, int npredicates,
			   int limit)
{
	for (int i = 0; i < npredicates; i++)
	{
		int implied[17] = { predicates[i] };
		int nimplied = 1 + castssl_hba_implied_predicates(index->universe, predicates[i],
														  implied + 1, lengthof(implied) - 1);

		for (int j = 0; j < nimplied; j++)
		{
			int position = castssl_table_get(&index->predicates, pair_key(bucket, implied[j]));

			if (position != CASTSSL_ABSENT && position < limit)
				return position;
		}
	}
	return -1;
}

/*
 * The tries of all buckets of the class, added to covers.  If a rule takes the
 * predicates as such, everything is taken: its position is returned, else -1.
 */
static int
collect_covers(const CastsslHbaSource *source, const CastsslHbaClass *class, const int *predicates,
			   int npredicates, CastsslCover *covers, int *ncovers)
{
	const CastsslHbaIndex *index = source->index;

	for (int d = 0; d < class->ndatabases; d++)
		for (int u = 0; u < class->nusers; u++)
		{
			int bucket =
				castssl_table_get(&index->buckets, pair_key(class->databases[d], class->users[u]));

			if (bucket == CASTSSL_ABSENT)
				continue;
			if (npredicates > 0 && index->has_predicates)
			{
				int position =
					find_predicate(index, bucket, predicates, npredicates, source->limit);

				if (position >= 0)
					return position;
			}
			if (index->roots.items[bucket] == CASTSSL_TRIE_NONE || *ncovers == CASTSSL_MAX_COVERS)
				continue;
			covers[*ncovers].trie = &index->trie;
			covers[*ncovers].node = index->roots.items[bucket];
			covers[(*ncovers)++].limit = source->limit;
		}
	return -1;
}

void
castssl_hba_left_over(const CastsslHbaSource *sources, int nsources, const CastsslHbaClass *class,
					  const int *predicates, int npredicates, const CastsslPrefixes *blocks,
					  CastsslPrefixes *rest, int max, CastsslInts *used)
{
	CastsslCover covers[CASTSSL_MAX_COVERS];
	int ncovers = 0;

	for (int i = 0; i < nsources; i++)
	{
		int position =
			collect_covers(&sources[i], class, predicates, npredicates, covers, &ncovers);

		if (position >= 0)
		{
			if (used != NULL)
				castssl_ints_add(used, position);
			return;
		}
	}
	for (int i = 0; i < blocks->count; i++)
		if (!castssl_uncovered(covers, ncovers, blocks->items[i], rest, max))
			return;
	if (used != NULL && rest->count == 0)
		for (int i = 0; i < blocks->count; i++)
			castssl_covering(covers, ncovers, blocks->items[i], used);
}

typedef struct Asking
{
	CastsslHbaIndex *index;
	const CastsslConnection *connection;
	int best;
	int doubt;
} Asking;

/* Ask the world about one doubtful rule. */
static CastsslVisit
ask(void *arg, int position)
{
	Asking *asking = arg;
	CastsslHbaIndex *index = asking->index;
	int rule = index->boxes[position]->rule;
	CastsslAnswer answer;

	if (position >= asking->best)
		return CASTSSL_VISIT_SKIP;
	if (index->questions == 0)
	{
		asking->doubt = position;
		return CASTSSL_VISIT_STOP;
	}
	index->questions--;
	answer = castssl_hba_rule_matches(&index->policy->rules[rule], index->policy->version,
									  asking->connection, index->universe->world);
	if (answer == CASTSSL_YES)
		asking->best = position;
	else if (answer == CASTSSL_UNKNOWN && (asking->doubt < 0 || position < asking->doubt))
		asking->doubt = position;
	return CASTSSL_VISIT_ON;
}

static void
ask_predicates(Asking *asking, int user_key)
{
	const CastsslHbaIndex *index = asking->index;
	int next = castssl_table_get(&index->by_predicate, user_key);

	while (next != CASTSSL_ABSENT &&
		   ask(asking, index->predicate_chain.items[next]) != CASTSSL_VISIT_STOP)
		next = index->predicate_chain.items[next + 1];
}

int
castssl_hba_index_match(CastsslHbaIndex *index, const CastsslConnection *connection, int *doubtful)
{
	Asking asking = { index, connection, index->nboxes, -1 };
	CastsslPrefix prefix = { 0 };
	CastsslHbaClass class;

	if (connection->family != 0)
		prefix = castssl_prefix_make(connection->family, connection->address,
									 connection->family == 4 ? 32 : 128);
	castssl_hba_class_init(&class);
	class.user = connection->user;
	class.database = connection->replication ? NULL : connection->database;
	class.replication = connection->replication;
	castssl_hba_class_settle(&class, index->universe, false);
	for (int d = 0; d < class.ndatabases; d++)
		for (int u = 0; u < class.nusers; u++)
		{
			int bucket =
				castssl_table_get(&index->buckets, pair_key(class.databases[d], class.users[u]));

			if (bucket != CASTSSL_ABSENT)
				asking.best = castssl_trie_first(&index->trie, index->roots.items[bucket], &prefix,
												 asking.best);
		}
	castssl_trie_visit(&index->doubtful, index->doubtful_root, &prefix, false, ask, &asking);
	if (index->has_predicates)
	{
		ask_predicates(&asking, CASTSSL_KEY(CASTSSL_KEY_ALL, 0));
		for (int u = 0; u < class.nusers; u++)
			if (class.users[u] != CASTSSL_KEY(CASTSSL_KEY_ALL, 0))
				ask_predicates(&asking, class.users[u]);
	}
	*doubtful = asking.doubt < asking.best ? asking.doubt : -1;
	return asking.best;
}

typedef struct Learning
{
	const CastsslHbaIndex *index;
	CastsslHbaClass *class;
	int limit;
	bool learned;
} Learning;

static CastsslVisit
learn_one(void *arg, int position)
{
	Learning *learning = arg;
	const CastsslHbaIndex *index = learning->index;

	if (position >= learning->limit)
		return CASTSSL_VISIT_SKIP;
	if (castssl_hba_class_learn(learning->class, index->universe, index->boxes[position], false))
		learning->learned = true;
	return CASTSSL_VISIT_ON;
}

bool
castssl_hba_index_learn_regexps(const CastsslHbaIndex *index, CastsslHbaClass *class,
								const CastsslPrefix *block, int limit)
{
	Learning learning = { index, class, limit, false };

	if (class->user != NULL || class->database != NULL)
		castssl_trie_visit(&index->doubtful, index->regexp_root, block, false, learn_one,
						   &learning);
	return learning.learned;
}

/* Keep position if it is a better cover of the box than *best. */
static void
try_cover(const CastsslHbaIndex *index, const CastsslHbaBox *box, int position, int *best)
{
	if (position >= 0 && position < *best &&
		castssl_hba_box_covers(index->universe, index->boxes[position], box))
		*best = position;
}

/* Only who looks for covers needs it. */
static void
build_by_hash(CastsslHbaIndex *index)
{
	for (int i = 0; i < index->nboxes; i++)
	{
		int *first = castssl_table_place(&index->by_hash, index->boxes[i]->hash);

		if (*first == CASTSSL_ABSENT)
			*first = i;
	}
}

int
castssl_hba_index_cover(CastsslHbaIndex *index, const CastsslHbaBox *box)
{
	int all = CASTSSL_KEY(CASTSSL_KEY_ALL, 0);
	int databases[2] = { box->databases[0], all };
	int users[2] = { box->users[0], all };
	int best = index->nboxes;

	if (index->by_hash.count == 0)
		build_by_hash(index);
	try_cover(index, box, castssl_table_get(&index->by_hash, box->hash), &best);
	for (int d = 0; d < 2; d++)
		for (int u = 0; u < 2; u++)
		{
			int bucket = castssl_table_get(&index->buckets, pair_key(databases[d], users[u]));

			if (bucket == CASTSSL_ABSENT)
				continue;
			if (box->predicate != CASTSSL_NO_PREDICATE)
				try_cover(index, box,
						  find_predicate(index, bucket, &box->predicate, 1, index->nboxes), &best);
			try_cover(index, box,
					  castssl_trie_first(&index->trie, index->roots.items[bucket],
										 &box->prefixes[0], best),
					  &best);
		}
	return best;
}
