/*
 * test_hba_random.c
 *		Unreachable rules and differences of random policies, against trying every connection.
 *
 * test_hba_random [cases [seed]] tries so many random policies of each kind.
 */
#include "postgres_fe.h"

#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"
#include "hba_world.h"

#include "hba/access/compare.h"
#include "flow/ask/fallback.h"
#include "hba/access/unreachable.h"
#include "hba/match/outcome.h"

/* Does an element of a row's column, which is joined by ", ", include the connection's name? */
static bool
element_has(const TestWorld *world, const char *element, const CastsslConnection *connection,
			bool of_database)
{
	const char *name = of_database ? connection->database : connection->user;
	char *both = strstr(element, " and ");

	if (both != NULL)
		return element_has(world, pnstrdup(element, both - element), connection, of_database) &&
			   element_has(world, both + 5, connection, of_database);
	if (of_database && connection->replication)
		return strcmp(element, "replication") == 0;
	if (strcmp(element, "all") == 0)
		return true;
	if (of_database && strcmp(element, "sameuser") == 0)
		return strcmp(name, connection->user) == 0;
	if (of_database && strcmp(element, "samerole") == 0)
		return test_member((void *) world, connection->user, name) == CASTSSL_YES;
	if (of_database && strcmp(element, "replication") == 0)
		return false;
	if (!of_database && element[0] == '+')
		return test_member((void *) world, name, element + 1) == CASTSSL_YES;
	if (element[0] == '/')
		return test_regexp((void *) world, element + 1, name) == CASTSSL_YES;
	if (element[0] == '"')
		return strlen(element) == strlen(name) + 2 && strncmp(element + 1, name, strlen(name)) == 0;
	return strcmp(element, name) == 0;
}

static bool
names_have(const TestWorld *world, const char *names, const CastsslConnection *connection,
		   bool of_database)
{
	char *copy = pstrdup(names);
	char *next = copy;
	bool found = false;

	while (next != NULL && !found)
	{
		char *element = next;

		next = strstr(next, ", ");
		if (next != NULL)
		{
			*next = '\0';
			next += 2;
		}
		found = element_has(world, element, connection, of_database);
	}
	pfree(copy);
	return found;
}

static bool
block_has(const char *block, const CastsslConnection *connection)
{
	CastsslHbaAddress address = { CASTSSL_HBA_ADDRESS_MASK };
	uint8 bytes[16];
	char *copy = pstrdup(block);
	char *slash = strchr(copy, '/');
	bool has = true;
	int bits;

	if (strcmp(block, "all") == 0)
		return true;
	*slash = '\0';
	bits = atoi(slash + 1);
	address.family = strchr(copy, ':') != NULL ? 6 : 4;
	inet_pton(address.family == 6 ? AF_INET6 : AF_INET, copy, bytes);
	if (address.family != connection->family)
		has = false;
	for (int i = 0; i < bits && has; i++)
		has = ((bytes[i / 8] ^ connection->address[i / 8]) >> (7 - i % 8) & 1) == 0;
	pfree(copy);
	return has;
}

/* samehost, a host name, or "127.0.0.1/255.0.0.255" */
static bool
predicate_has(const TestWorld *world, const char *text, const CastsslConnection *connection)
{
	CastsslHbaPolicy *policy;
	char *line = psprintf("host all,replication all %s trust", text);

	if (strchr(line, '/') != NULL)
		*strchr(line, '/') = ' ';
	policy = text_policy(line, 16);
	return castssl_hba_rule_matches(&policy->rules[0], 16, connection, &world->world) ==
		   CASTSSL_YES;
}

static bool
blocks_have(const char *blocks, const CastsslConnection *connection)
{
	char *next = pstrdup(blocks);

	while (next != NULL)
	{
		char *block = next;

		next = strstr(next, ", ");
		if (next != NULL)
		{
			*next = '\0';
			next += 2;
		}
		if (block_has(block, connection))
			return true;
	}
	return false;
}

/* "all", "10.0.0.0/8, ::1/128", "samenet", "samenet and a.lan in 10.0.0.0/8" */
static bool
addresses_have(const TestWorld *world, const char *text, const CastsslConnection *connection)
{
	char *predicates;
	char *blocks;
	char *second;
	const char *slash;

	if (text == NULL || connection->family == 0)
		return text == NULL && connection->family == 0;
	predicates = pstrdup(text);
	blocks = strstr(predicates, " in ");
	slash = strchr(text, '/');
	if (blocks != NULL)
	{
		*blocks = '\0';
		blocks += 4;
		if (!blocks_have(blocks, connection))
			return false;
	}
	else if (strcmp(text, "all") == 0 || strstr(text, ", ") != NULL ||
			 (slash != NULL && strspn(slash + 1, "0123456789") == strlen(slash + 1)))
		return blocks_have(text, connection);
	second = strstr(predicates, " and ");
	if (second != NULL)
	{
		*second = '\0';
		if (!predicate_has(world, second + 5, connection))
			return false;
	}
	return predicate_has(world, predicates, connection);
}

static bool
row_has(const TestWorld *world, const CastsslHbaDifference *row,
		const CastsslConnection *connection)
{
	return strcmp(row->encryption, channel_of(connection)) == 0 &&
		   names_have(world, row->database, connection, true) &&
		   names_have(world, row->user, connection, false) &&
		   addresses_have(world, row->address, connection);
}

/* The outcome of a rule by its definition, as a text that can be compared. */
static const char *
outcome(const CastsslHbaPolicy *policy, int rule)
{
	if (rule < 0 || strcmp(policy->rules[rule].method, "reject") == 0)
		return "refused";
	return psprintf("%s %d", policy->rules[rule].method, policy->rules[rule].clientcert);
}

/* 2: the client must prove who it is; 1: it must have any certificate of the CA; 0: nothing. */
static int
asks(const CastsslHbaRule *rule)
{
	if (strcmp(rule->method, "trust") != 0 || rule->clientcert == CASTSSL_CLIENTCERT_VERIFY_FULL)
		return 2;
	return rule->clientcert == CASTSSL_CLIENTCERT_VERIFY_CA;
}

static CastsslHbaChange
expected_change(const CastsslHbaPolicy *before, int x, const CastsslHbaPolicy *after, int y)
{
	if (strcmp(outcome(before, x), "refused") == 0)
		return CASTSSL_HBA_NEWLY_ADMITTED;
	if (strcmp(outcome(after, y), "refused") == 0)
		return CASTSSL_HBA_NEWLY_REFUSED;
	if (asks(&after->rules[y]) < asks(&before->rules[x]))
		return CASTSSL_HBA_ADMITTED_WITHOUT_PROOF;
	if (before->rules[x].clientcert == 0 && after->rules[y].clientcert != 0)
		return CASTSSL_HBA_CERTIFICATE_NOW_REQUIRED;
	if (before->rules[x].clientcert != 0 && after->rules[y].clientcert == 0)
		return CASTSSL_HBA_CERTIFICATE_NO_LONGER_REQUIRED;
	return CASTSSL_HBA_METHOD_CHANGED;
}

static void
show_policy(const char *title, const CastsslHbaPolicy *policy)
{
	printf("%s:\n%.*s", title, (int) policy->files[0]->length, policy->files[0]->data);
}

static void
show_row(const CastsslHbaDifference *row)
{
	printf("%s | %s | %s | %s | %s | %s -> %s | %d -> %d%s | witness %s\n",
		   castssl_hba_change_name(row->change), row->encryption, row->database, row->user,
		   row->address ? row->address : "-", row->before, row->after, row->before_rule,
		   row->after_rule, row->certain ? "" : " (possible)", describe(&row->witness));
}

typedef struct Case
{
	const CastsslHbaPolicy *before;
	const CastsslHbaPolicy *after;
	const TestWorld *world;
	CastsslHbaDifferences differences;
	bool tls_before; /* does the server offer TLS? */
	bool tls_after;
	bool *row_seen; /* for each row: is a tried connection in it? */
} Case;

static void
show_case(const Case *it, const CastsslConnection *connection)
{
	show_policy("before", it->before);
	show_policy("after", it->after);
	if (connection != NULL)
		printf("connection: %s\n", describe(connection));
	for (int i = 0; i < it->differences.count; i++)
		show_row(&it->differences.items[i]);
}

/* The rule that answers after the edit; none for TLS if the server does not offer it then. */
static int
match_after(const Case *it, const CastsslConnection *connection, int *doubtful)
{
	int rule = castssl_hba_match(it->after, connection, &it->world->world, doubtful);

	if (connection->family == 0 || connection->encryption != CASTSSL_TLS || it->tls_after)
		return rule;
	*doubtful = -1;
	return -1;
}

/* If the outcome of the connection changes, it must be in a row with the two rules that answer. */
static bool
check_connection(Case *it, const CastsslConnection *connection)
{
	int doubtful;
	int x = castssl_hba_match(it->before, connection, &it->world->world, NULL);
	int y = match_after(it, connection, &doubtful);
	bool found = false;

	if (connection->encryption == CASTSSL_TLS && !it->tls_before && !it->tls_after)
		return true;

	if (strcmp(outcome(it->before, x), outcome(it->after, y)) == 0)
		return true;
	for (int i = 0; i < it->differences.count; i++)
	{
		const CastsslHbaDifference *row = &it->differences.items[i];

		if (row->before_rule == x && row->after_rule == y && row_has(it->world, row, connection))
			found = it->row_seen[i] = true;
	}
	if (!found)
	{
		printf("no row for a change, from rule %d to %d\n", x, y);
		show_case(it, connection);
	}
	return found;
}

static bool
check_complete(Case *it)
{
	CastsslConnection connection;

	for (int n = 0; nth_connection(n, &connection); n++)
		if (!check_connection(it, &connection))
			return false;
	return true;
}

/* The witness of every certain row must have the change of the row. */
static bool
check_exact(const Case *it, bool all_certain, long *certain, long *possible)
{
	for (int i = 0; i < it->differences.count; i++)
	{
		const CastsslHbaDifference *row = &it->differences.items[i];
		int doubt_before;
		int doubt_after;
		int x = castssl_hba_match(it->before, &row->witness, &it->world->world, &doubt_before);
		int y = match_after(it, &row->witness, &doubt_after);

		if (row->certain)
			(*certain)++;
		else
			(*possible)++;
		if (row->change ==
				expected_change(it->before, row->before_rule, it->after, row->after_rule) &&
			(row->certain ? x == row->before_rule && y == row->after_rule && doubt_before < 0 &&
								doubt_after < 0 && row_has(it->world, row, &row->witness)
						  : !all_certain))
			continue;
		printf("bad row %d: rules %d, %d; doubts %d, %d\n", i, x, y, doubt_before, doubt_after);
		show_case(it, NULL);
		return false;
	}
	return true;
}

/*
 * For policies with names only: every name and every block in a row must have a connection with
 * that change.  (The tried connections include the first address of every block.)
 */
static bool
check_tight(const Case *it)
{
	for (int i = 0; i < it->differences.count; i++)
		if (!it->row_seen[i])
		{
			printf("no connection that was tried is in row %d\n", i);
			show_case(it, NULL);
			return false;
		}
	return true;
}

/* One random case; false if something is wrong. */
static bool
try_compare(const Vocabulary *vocabulary, bool plain, long *certain, long *possible)
{
	char *lines[MAX_LINES + 1];
	int nlines = 1 + pick(plain ? 12 : 9);
	TestWorld world;
	TestWorld unknown;
	Case it = { 0 };
	bool good;

	random_world(&world);
	for (int i = 0; i < nlines; i++)
		lines[i] = random_line(vocabulary, true);
	it.before = lines_policy(lines, nlines);
	random_edit(lines, &nlines, vocabulary);
	it.after = lines_policy(lines, nlines);
	it.world = &world;

	/* in half of the cases host names are unknown */
	unknown = world;
	unknown.world.arg = &unknown;
	unknown.know_hosts = plain || pick(2) == 0;
	it.tls_before = pick(8) != 0;
	it.tls_after = pick(8) != 0;
	castssl_hba_compare(it.before, it.tls_before, it.after, it.tls_after, &unknown.world,
						&it.differences);
	it.row_seen = palloc0((it.differences.count + 1) * sizeof(bool));
	good = check_complete(&it);
	if (good && plain)
		good = check_tight(&it);
	it.world = &unknown;
	return good && check_exact(&it, plain, certain, possible);
}

/* ---- who falls back to plaintext ---- */

typedef struct Fates
{
	int before; /* the rule that answers over TLS before the edit */
	int after;  /* the rule that answers over TLS after the edit */
	int plain;  /* the rule that answers in plaintext after the edit */
} Fates;

static Fates
fates_of(const Case *it, CastsslConnection connection)
{
	const CastsslHbaWorld *world = &it->world->world;
	Fates fates;

	connection.encryption = CASTSSL_TLS;
	fates.before = castssl_hba_match(it->before, &connection, world, NULL);
	fates.after = castssl_hba_match(it->after, &connection, world, NULL);
	connection.encryption = CASTSSL_PLAINTEXT;
	fates.plain = castssl_hba_match(it->after, &connection, world, NULL);
	return fates;
}

static bool
comes_in(const CastsslHbaPolicy *policy, int rule)
{
	return rule >= 0 && !castssl_hba_outcome(&policy->rules[rule]).refused &&
		   policy->rules[rule].clientcert == CASTSSL_CLIENTCERT_NONE;
}

static bool
asks_for_one(const CastsslHbaPolicy *policy, int rule)
{
	return rule >= 0 && policy->rules[rule].clientcert != CASTSSL_CLIENTCERT_NONE;
}

static bool
has_fallback(const Case *it, int rule)
{
	for (int i = 0; i < it->differences.count; i++)
	{
		if (it->differences.items[i].change == CASTSSL_HBA_MAY_FALL_BACK &&
			it->differences.items[i].after_rule == rule)
			return true;
	}
	return false;
}

/*
 * For policies with names only: each client that must have a certificate over TLS, but not in
 * plaintext, must be in a row.  The witness of a certain row must be such a client.
 */
static bool
try_fallback(long *certain, long *possible)
{
	char *lines[MAX_LINES + 1];
	int nlines = 1 + pick(12);
	TestWorld world;
	Case it = { .world = &world, .tls_before = true, .tls_after = true };
	CastsslConnection connection;
	bool falls_back[MAX_LINES + 1] = { false };
	int count = 0;

	random_world(&world);
	for (int i = 0; i < nlines; i++)
		lines[i] = random_line(&plain_vocabulary, true);
	it.before = lines_policy(lines, nlines);
	random_edit(lines, &nlines, &plain_vocabulary);
	random_edit(lines, &nlines, &plain_vocabulary);
	it.after = lines_policy(lines, nlines);
	castssl_hba_compare(it.before, true, it.after, true, &world.world, &it.differences);
	castssl_hba_add_fallbacks(it.before, it.after, &world.world, &it.differences);
	for (int n = 0; nth_connection(n, &connection); n++)
	{
		Fates fates = fates_of(&it, connection);

		if (connection.family == 0 || !asks_for_one(it.after, fates.after) ||
			!comes_in(it.after, fates.plain))
			continue;
		count += !falls_back[fates.after];
		falls_back[fates.after] = true;
		if (!comes_in(it.before, fates.before) || has_fallback(&it, fates.plain))
			continue;
		printf("falls back by rule %d, and is in no row: %s\n", fates.plain, describe(&connection));
		show_case(&it, NULL);
		return false;
	}
	for (int i = 0; i < it.differences.count; i++)
	{
		const CastsslHbaDifference *row = &it.differences.items[i];
		Fates fates = fates_of(&it, row->witness);

		if (row->change != CASTSSL_HBA_MAY_FALL_BACK)
			continue;
		*(row->certain ? certain : possible) += 1;
		if (!row->certain ||
			(fates.before == row->before_rule && comes_in(it.before, fates.before) &&
			 !comes_in(it.after, fates.after) && fates.plain == row->after_rule &&
			 comes_in(it.after, fates.plain)))
			continue;
		printf("row %d: its witness does not fall back\n", i);
		show_case(&it, NULL);
		return false;
	}
	if (castssl_hba_count_fallbacks(it.after, &world.world, NULL) == count)
		return true;
	printf("%d rules are counted, and %d found\n",
		   castssl_hba_count_fallbacks(it.after, &world.world, NULL), count);
	show_policy("after", it.after);
	return false;
}

/*
 * A rule that answers some connection in some world must be reachable.  For policies with names
 * only, every other rule must be unreachable.
 */
static bool
try_unreachable(const Vocabulary *vocabulary, bool plain, long *nunreachable)
{
	char *lines[MAX_LINES];
	int nlines = 2 + pick(plain ? 14 : 10);
	bool tls = pick(4) != 0;
	CastsslHbaPolicy *policy;
	bool unreachable[MAX_LINES];
	bool reached[MAX_LINES] = { false };
	int *blocking[MAX_LINES];
	int nblocking[MAX_LINES];
	TestWorld world;
	CastsslConnection connection;

	for (int i = 0; i < nlines; i++)
		lines[i] = random_line(vocabulary, false);
	policy = lines_policy(lines, nlines);
	random_world(&world);
	castssl_hba_find_unreachable(policy, tls, &world.world, unreachable, blocking, nblocking);
	for (int round = 0; round < (plain ? 1 : 4); round++)
	{
		random_world(&world);
		for (int n = 0; nth_connection(n, &connection); n++)
		{
			int found;

			if (connection.encryption == CASTSSL_TLS && !tls)
				continue;
			found = castssl_hba_match(policy, &connection, &world.world, NULL);
			if (found < 0)
				continue;
			reached[found] = true;
			if (!unreachable[found])
				continue;
			printf("rule %d is said to be unreachable, but answers %s\n", found,
				   describe(&connection));
			show_policy("policy", policy);
			return false;
		}
	}
	for (int i = 0; i < nlines; i++)
	{
		char *needed[MAX_LINES];
		bool alone_unreachable[MAX_LINES];
		int *ignored[MAX_LINES];
		int nignored[MAX_LINES];
		int count = 0;

		if (plain && !reached[i] && !unreachable[i])
		{
			printf("rule %d answers nothing, but is not said to be unreachable\n", i);
			show_policy("policy", policy);
			return false;
		}
		if (!unreachable[i])
			continue;
		(*nunreachable)++;
		/* the blocking rules alone must make it unreachable too */
		for (int j = 0; j < nblocking[i]; j++)
			needed[count++] = lines[blocking[i][j]];
		needed[count++] = lines[i];
		castssl_hba_find_unreachable(lines_policy(needed, count), tls, &world.world,
									 alone_unreachable, ignored, nignored);
		if (!alone_unreachable[count - 1] || (count > 1 && blocking[i][count - 2] >= i))
		{
			printf("rule %d is unreachable, but not blocked by:", i);
			for (int j = 0; j < nblocking[i]; j++)
				printf(" %d", blocking[i][j]);
			printf("\n");
			show_policy("policy", policy);
			return false;
		}
	}
	return true;
}

/* A narrow rule, as in a large policy: few of them have connections in common. */
static char *
narrow_line(void)
{
	static const char *const methods[] = { "md5", "scram-sha-256", "reject", "trust" };
	static const char *const types[] = { "host", "host", "hostssl", "hostnossl" };
	const char *database = pick(3) == 0 ? "all" : psprintf("d%d", pick(8));
	const char *user = pick(6) == 0 ? "all" : psprintf("u%d", pick(60));
	int bits = 24 + 2 * pick(5);

	if (pick(20) == 0)
		user = "+staff";
	if (pick(20) == 0)
		database = "sameuser";
	return psprintf("%s %s %s 10.0.%d.%d/%d %s", types[pick(4)], database, user, pick(4),
					pick(256) & ~((1 << (32 - bits)) - 1), bits, methods[pick(4)]);
}

#define LARGE 600

/* A connection that such rules may match. */
static CastsslConnection
narrow_connection(void)
{
	CastsslConnection connection = { .family = 4, .address = { 10, 0 } };

	connection.user = pick(20) == 0 ? "alice" : psprintf("u%d", pick(61));
	connection.database = pick(20) == 0 ? connection.user : psprintf("d%d", pick(9));
	connection.address[2] = pick(4);
	connection.address[3] = pick(256);
	connection.encryption = (CastsslEncryption) pick(3);
	return connection;
}

/* A large policy and the same in another order, with some lines changed. */
static bool
try_large(long *certain, long *possible)
{
	char *lines[LARGE];
	TestWorld world;
	Case it = { 0 };
	int swaps = pick(3) == 0 ? LARGE : 1 + pick(20);

	random_world(&world);
	for (int i = 0; i < LARGE; i++)
		lines[i] = narrow_line();
	it.before = lines_policy(lines, LARGE);
	for (int i = 0; i < swaps; i++)
	{
		int a = pick(LARGE);
		int b = pick(LARGE);
		char *line = lines[a];

		lines[a] = pick(3) == 0 ? narrow_line() : lines[b];
		lines[b] = line;
	}
	it.after = lines_policy(lines, LARGE);
	it.world = &world;
	it.tls_before = it.tls_after = true;
	castssl_hba_compare(it.before, true, it.after, true, &world.world, &it.differences);
	it.row_seen = palloc0((it.differences.count + 1) * sizeof(bool));
	for (int n = 0; n < 3000; n++)
	{
		CastsslConnection connection = narrow_connection();

		if (!check_connection(&it, &connection))
			return false;
	}
	return check_exact(&it, false, certain, possible);
}

typedef struct Figures
{
	long cases, certain, possible, unreachable, fallbacks;
	bool good;
} Figures;

/* What is allocated in FRONTEND is never freed, so each batch is a process of its own. */
static void
try_batch(int cases, uint64 seed, Figures *figures)
{
	int ends[2];
	pid_t child;
	Figures result = { 0 };

	if (pipe(ends) != 0)
		abort();
	fflush(stdout);
	child = fork();
	if (child == 0)
	{
		random_state = seed;
		result.good = true;
		for (int i = 0; i < cases && result.good; i += 25)
			result.good = try_large(&result.certain, &result.possible);
		for (int i = 0; i < cases && result.good; i++, result.cases++)
			result.good = try_compare(&plain_vocabulary, true, &result.certain, &result.possible) &&
						  try_compare(&any_vocabulary, false, &result.certain, &result.possible) &&
						  try_fallback(&result.fallbacks, &result.possible) &&
						  try_unreachable(&plain_vocabulary, true, &result.unreachable) &&
						  try_unreachable(&any_vocabulary, false, &result.unreachable);
		fflush(stdout);
		if (write(ends[1], &result, sizeof(result)) != sizeof(result))
			abort();
		_exit(0);
	}
	close(ends[1]);
	if (read(ends[0], &result, sizeof(result)) != sizeof(result))
		result.good = false;
	close(ends[0]);
	waitpid(child, NULL, 0);
	figures->cases += result.cases;
	figures->certain += result.certain;
	figures->possible += result.possible;
	figures->unreachable += result.unreachable;
	figures->fallbacks += result.fallbacks;
	figures->good = figures->good && result.good;
}

static void
test_random(int cases, uint64 seed)
{
	Figures figures = { .good = true };

	for (int done = 0; done < cases && figures.good; done += 100)
		try_batch(Min(100, cases - done), seed + done, &figures);
	CHECK(figures.good);
	CHECK(figures.certain > 0 && figures.unreachable > 0 && figures.fallbacks > 0);
	printf("(seed %llu: %ld cases of each kind, %ld rows proved, %ld possible, %ld unreachable "
		   "rules, %ld fall back) ",
		   (unsigned long long) seed, figures.cases, figures.certain, figures.possible,
		   figures.unreachable, figures.fallbacks);
}

int
main(int argc, char **argv)
{
	int cases = argc > 1 ? atoi(argv[1]) : 300;
	uint64 seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;

	test_random(cases, seed);
	return check_summary();
}
