/*
 * fallback.c
 *		Compares how a policy answers clients with one encryption, and how another policy
 *		answers the same clients with another one: who comes back in plaintext.
 *
 * Of each policy only the rules for its encryption are used, as if they were rules for plaintext.
 * So castssl_hba_compare can compare them.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/grow.h"
#include "flow/ask/fallback.h"

/* The witnesses of so many rows are tried; all further rows are not certain. */
#define MOST_TRIED 1000

/* The policy with the rules for that encryption alone, as rules for plaintext. */
static CastsslHbaPolicy
policy_of(const CastsslHbaPolicy *policy, CastsslEncryption encryption)
{
	CastsslHbaPolicy own = *policy;

	own.rules = palloc(Max(policy->nrules, 1) * sizeof(CastsslHbaRule));
	for (int i = 0; i < policy->nrules; i++)
	{
		own.rules[i] = policy->rules[i];
		if (castssl_hba_type_takes(policy->rules[i].type, 4, encryption))
			own.rules[i].type = CASTSSL_HBA_HOSTNOGSSENC;
		else if (own.rules[i].error == NULL)
			own.rules[i].error = "not for this encryption";
	}
	return own;
}

void
castssl_hba_compare_encryptions(const CastsslHbaPolicy *before, CastsslEncryption by,
								const CastsslHbaPolicy *after, CastsslEncryption then,
								const CastsslHbaWorld *world, CastsslHbaDifferences *differences)
{
	static const char *const names[] = { "none", "tls", "gss" };
	CastsslHbaPolicy one = policy_of(before, by);
	CastsslHbaPolicy other = policy_of(after, then);
	int first = differences->count;

	castssl_hba_compare(&one, false, &other, false, world, differences);
	for (int i = first; i < differences->count; i++)
	{
		differences->items[i].encryption = names[by];
		differences->items[i].witness.encryption = by;
	}
	pfree(one.rules);
	pfree(other.rules);
}

static bool
refuses(const CastsslHbaPolicy *policy, int rule)
{
	return rule < 0 || castssl_hba_outcome(&policy->rules[rule]).refused;
}

static bool
asks(const CastsslHbaPolicy *policy, int rule)
{
	return rule >= 0 && policy->rules[rule].clientcert != CASTSSL_CLIENTCERT_NONE;
}

/* Is a client without a certificate refused over TLS, but not in plaintext? */
static bool
is_fallback(const CastsslHbaPolicy *policy, const CastsslHbaDifference *row)
{
	return (refuses(policy, row->before_rule) || asks(policy, row->before_rule)) &&
		   !refuses(policy, row->after_rule);
}

int
castssl_hba_count_fallbacks(const CastsslHbaPolicy *policy, const CastsslHbaWorld *world,
							int *first)
{
	CastsslHbaDifferences rows = { 0 };
	bool *seen = palloc0(Max(policy->nrules, 1) * sizeof(bool));
	bool any = false;
	int count = 0;

	for (int i = 0; i < policy->nrules; i++)
		any |= policy->rules[i].error == NULL && asks(policy, i);
	if (any)
		castssl_hba_compare_encryptions(policy, CASTSSL_TLS, policy, CASTSSL_PLAINTEXT, world,
										&rows);
	for (int i = 0; i < rows.count; i++)
	{
		int rule = rows.items[i].before_rule;

		if (!asks(policy, rule) || !is_fallback(policy, &rows.items[i]) || seen[rule])
			continue;
		seen[rule] = true;
		if (first && (count == 0 || rule < *first))
			*first = rule;
		count++;
	}
	pfree(seen);
	return count;
}

/* What is compared, and the rows of castssl_hba_compare over TLS. */
typedef struct Search
{
	const CastsslHbaPolicy *before;
	const CastsslHbaPolicy *after;
	const CastsslHbaWorld *world;
	const CastsslHbaDifference *rows;
	int *newest; /* by the index of the rule after + 1 (0: no line): its last row; -1: none */
	int *next;   /* for each row: the previous one with the same rule after; -1: none */
	int tried;
} Search;

/* Did before admit the client over TLS without a certificate, and after does not? */
static bool
is_loss(const Search *search, const CastsslHbaDifference *row)
{
	return row->witness.encryption == CASTSSL_TLS && row->witness.family != 0 &&
		   !refuses(search->before, row->before_rule) && !asks(search->before, row->before_rule) &&
		   (refuses(search->after, row->after_rule) || asks(search->after, row->after_rule));
}

static bool
same_clients(const CastsslHbaDifference *a, const CastsslHbaDifference *b)
{
	return strcmp(a->database, b->database) == 0 && strcmp(a->user, b->user) == 0 &&
		   strcmp(a->address, b->address) == 0;
}

/* Set before_rule to a rule that admitted these clients before; false if none did. */
static bool
find_before(Search *search, CastsslHbaDifference *row)
{
	int some = search->newest[row->before_rule + 1];
	int doubtful;
	int rule;

	if (some < 0)
		return false;
	if (search->tried++ < MOST_TRIED)
	{
		rule = castssl_hba_match(search->before, &row->witness, search->world, &doubtful);
		if (!refuses(search->before, rule) && !asks(search->before, rule))
		{
			row->certain = row->certain && doubtful < 0;
			row->before_rule = rule;
			return true;
		}
	}
	/* rows with the same words may be about other clients, if a line above answers some of them */
	row->certain = false;
	for (int i = some; i >= 0; i = search->next[i])
	{
		if (!same_clients(&search->rows[i], row))
			continue;
		row->before_rule = search->rows[i].before_rule;
		return true;
	}
	if (refuses(search->after, row->before_rule))
		return false; /* without a line, nothing shows that they are the same clients */
	row->before_rule = search->rows[some].before_rule;
	return true;
}

static void
add(CastsslHbaDifferences *differences, const Search *search, CastsslHbaDifference row)
{
	row.change = CASTSSL_HBA_MAY_FALL_BACK;
	row.before = castssl_hba_outcome_text(&search->before->rules[row.before_rule]);
	row.after = psprintf("%s in plaintext",
						 castssl_hba_outcome_text(&search->after->rules[row.after_rule]));
	CASTSSL_GROW(differences->items, differences->count, differences->capacity);
	differences->items[differences->count++] = row;
}

void
castssl_hba_add_fallbacks(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after,
						  const CastsslHbaWorld *world, CastsslHbaDifferences *differences)
{
	CastsslHbaDifferences rows = { 0 };
	int count = differences->count;
	bool any = false;
	Search search = { .before = before, .after = after, .world = world };

	search.newest = palloc((after->nrules + 1) * sizeof(int));
	search.next = palloc(Max(count, 1) * sizeof(int));
	for (int i = 0; i <= after->nrules; i++)
		search.newest[i] = -1;
	for (int i = 0; i < count; i++)
	{
		int *newest = &search.newest[differences->items[i].after_rule + 1];

		if (!is_loss(&search, &differences->items[i]))
			continue;
		any = true;
		search.next[i] = *newest;
		*newest = i;
	}
	if (any)
	{
		castssl_hba_compare_encryptions(after, CASTSSL_TLS, after, CASTSSL_PLAINTEXT, world, &rows);
		search.rows = memcpy(palloc(count * sizeof(CastsslHbaDifference)), differences->items,
							 count * sizeof(CastsslHbaDifference));
	}
	for (int i = 0; i < rows.count; i++)
	{
		CastsslHbaDifference row = rows.items[i];

		if (is_fallback(after, &row) && find_before(&search, &row))
			add(differences, &search, row);
	}
	castssl_hba_differences_sort(differences);
}
