/*
 * test_hba_require.c
 *		The promises of castssl_hba_require, with random policies and connections.
 *
 * CASTSSL_SEED selects other random policies, CASTSSL_ROUNDS sets their number.
 */
#include "postgres_fe.h"

#include "check.h"
#include "hba/edit/require.h"
#include "hba/match/match.h"
#include "reader.h"

static uint64 state;

static int
below(int limit)
{
	state = state * UINT64CONST(6364136223846793005) + UINT64CONST(1442695040888963407);
	return (int) ((state >> 33) % limit);
}

#define ONE_OF(list) (list[below(lengthof(list))])

static const char *const types[] = { "local",   "host",      "host",       "hostssl",
									 "hostssl", "hostnossl", "hostgssenc", "hostnogssenc" };
static const char *const databases[] = { "all",      "all",         "a",   "b",     "\"all\"",
										 "sameuser", "replication", "a,b", "a , b", "\"a b\"" };
static const char *const users[] = { "all", "all", "u", "v", "u,v", "+g", "\"+g\"", "\"a\"" };
static const char *const addresses[] = {
	"all",         "0.0.0.0/0",     "10.0.0.0/8",           "10.1.0.0/16", "10.1.2.3/32",
	"::/0",        "samenet",       "10.1.0.0 255.255.0.0", "samehost",    "127.0.0.1/32",
	"10.1.2.3/16", "2001:db8::/32", "10.0.0.3 255.0.0.255", "\"all\""
};
static const char *const methods[] = { "trust", "reject", "md5",      "scram-sha-256", "ident",
									   "gss",   "cert",   "password", "ident map=m" };
static const char *const options[] = { "clientcert=verify-ca",
									   "clientcert=verify-full",
									   "clientcert=1",
									   "clientcert=0",
									   "clientcert=no-verify",
									   "clientname=DN",
									   "\"clientcert=verify-ca\"",
									   "clientcert=verify-ca,clientcert=0" };
static const char *const gaps[] = { " ", " ", " ", "\t", "   ", " \t " };
static const char *const fillers[] = {
	"", "# text", "   # castssl", "#castssl", "\t", ",,", "# \\"
};

static void
add_rule(StringInfo text, int version)
{
	const char *type = ONE_OF(types);

	if (below(10) == 0)
		appendStringInfoString(text, ONE_OF(gaps));
	appendStringInfo(text, "%s%s%s", type, ONE_OF(gaps), ONE_OF(databases));
	if (version >= 14 && below(20) == 0)
		appendStringInfoString(text, "\\\n");
	appendStringInfo(text, "%s%s", ONE_OF(gaps), ONE_OF(users));
	if (strcmp(type, "local") != 0)
		appendStringInfo(text, "%s%s", ONE_OF(gaps), ONE_OF(addresses));
	appendStringInfo(text, "%s%s", ONE_OF(gaps), ONE_OF(methods));
	if (strcmp(type, "hostssl") == 0)
	{
		for (int i = below(3); i > 0; i--)
			appendStringInfo(text, "%s%s", ONE_OF(gaps), ONE_OF(options));
	}
	if (below(10) == 0)
		appendStringInfoString(text, below(2) ? " # why" : "#\"");
}

static char *
random_text(int version)
{
	StringInfoData text;
	const char *line_end = below(5) == 0 ? "\r\n" : "\n";

	initStringInfo(&text);
	for (int lines = below(12); lines > 0; lines--)
	{
		if (below(5) == 0)
			appendStringInfoString(&text, ONE_OF(fillers));
		else
			add_rule(&text, version);
		if (lines > 1 || below(4) > 0)
			appendStringInfoString(&text, below(20) ? line_end : "\r\n");
		else if (below(4) == 0)
			appendStringInfoString(&text, "\r");
	}
	return text.data;
}

static CastsslAnswer
member(void *arg, const char *user, const char *role)
{
	return strcmp(role, "g") == 0 && strcmp(user, "v") == 0 ? CASTSSL_YES : CASTSSL_NO;
}

static CastsslAnswer
own_address(void *arg, uint8 family, const uint8 *address, bool network)
{
	if (family == 4 && address[0] == 127)
		return CASTSSL_YES;
	return network && family == 4 && address[0] == 10 && address[1] == 1 ? CASTSSL_YES : CASTSSL_NO;
}

static CastsslAnswer
host_name(void *arg, uint8 family, const uint8 *address, const char *name)
{
	return CASTSSL_NO;
}

static const CastsslHbaWorld world = { .member = member,
									   .own_address = own_address,
									   .host_name = host_name };

static CastsslConnection
random_connection(void)
{
	static const char *const names[] = { "a", "b", "u", "v", "other", "a b", "all", "+g" };
	static const uint8 hosts[][16] = {
		{ 10, 1, 2, 3 }, { 10, 2, 0, 3 }, { 127, 0, 0, 1 }, { 10, 1, 9, 9 }, { 192, 0, 2, 1 }
	};
	CastsslConnection connection = { .database = ONE_OF(names),
									 .user = ONE_OF(names),
									 .replication = below(8) == 0 };

	if (below(6) == 0)
		return connection;
	connection.encryption = (CastsslEncryption) below(3);
	connection.family = below(4) == 0 ? 6 : 4;
	if (connection.family == 4)
		memcpy(connection.address, ONE_OF(hosts), 16);
	else
	{
		connection.address[0] = 0x20;
		connection.address[1] = 0x01;
		connection.address[2] = 0x0d;
		connection.address[3] = below(2) ? 0xb8 : 0;
	}
	return connection;
}

/* The method that answers; "refused" for none or reject.  *rule may become NULL. */
static const char *
outcome(const CastsslHbaPolicy *policy, const CastsslConnection *connection,
		const CastsslHbaRule **rule)
{
	int index = castssl_hba_match(policy, connection, &world, NULL);

	*rule = index < 0 ? NULL : &policy->rules[index];
	if (*rule == NULL || strcmp((*rule)->method, "reject") == 0)
		return "refused";
	return (*rule)->method;
}

/* Compare the outcomes of a connection before and after; NULL if all promises are kept. */
static const char *
broken_promise(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after,
			   const CastsslConnection *connection, const CastsslHbaWanted *wanted)
{
	const CastsslHbaRule *old;
	const CastsslHbaRule *new;
	const char *was = outcome(before, connection, &old);
	const char *is = outcome(after, connection, &new);
	bool plaintext = connection->family != 0 && connection->encryption == CASTSSL_PLAINTEXT;
	bool gss = connection->family != 0 && connection->encryption == CASTSSL_GSS;

	if (plaintext && wanted->block_plaintext)
		return strcmp(is, "refused") == 0 ? NULL : "plaintext is not refused";
	if (gss && wanted->block_plaintext && !wanted->gss_possible)
		return NULL;
	if (strcmp(was, is) != 0)
		return "another method answers";
	if (connection->family == 0 || connection->encryption != CASTSSL_TLS ||
		strcmp(is, "refused") == 0)
		return NULL;
	if (new->clientcert < wanted->clientcert)
		return "no certificate is asked for";
	if (new->clientcert < old->clientcert)
		return "less is asked for";
	if (new->clientcert != Max(old->clientcert, wanted->clientcert))
		return "more is asked for";
	return NULL;
}

static char *
edited(const CastsslHbaPolicy *policy, const CastsslHbaWanted *wanted, int *count)
{
	CastsslHbaEdits edits = { 0 };
	CastsslFindings findings = { 0 };
	size_t length;

	if (wanted)
		castssl_hba_require(policy, wanted, &edits, &findings);
	else
		castssl_hba_undo(policy, &edits, NULL);
	CHECK(castssl_finding_first(&findings, CASTSSL_WARNING) == NULL);
	*count = edits.count;
	return castssl_hba_render(policy, 0, &edits, &length);
}

static int
count_errors(const CastsslHbaPolicy *policy)
{
	int count = 0;

	for (int i = 0; i < policy->nrules; i++)
		count += policy->rules[i].error != NULL;
	return count;
}

static CastsslHbaWanted
random_wanted(const char **list)
{
	static const char *const ranges[] = { "10.0.0.0/8", "192.0.2.0/24", "::/0", "all", "samenet" };
	CastsslHbaWanted wanted = { .clientcert = (CastsslClientCert) below(3),
								.block_plaintext = below(2),
								.gss_possible = below(2) };

	for (int i = below(8) == 0 ? 1 + below(3) : 0; i > 0; i--)
		list[wanted.naddresses++] = ONE_OF(ranges);
	wanted.addresses = list;
	return wanted;
}

/* Can every wanted address have a reachable rule that does not overtake a reject? */
static bool
is_possible(const CastsslHbaPolicy *policy, const CastsslHbaWanted *wanted)
{
	CastsslHbaEdits edits = { 0 };
	CastsslFindings findings = { 0 };

	castssl_hba_require(policy, wanted, &edits, &findings);
	return castssl_finding_first(&findings, CASTSSL_ERROR) == NULL;
}

static void
one_round(int round)
{
	static const CastsslHbaWanted nothing = { .clientcert = CASTSSL_CLIENTCERT_NONE };
	int version = CASTSSL_OLDEST_MAJOR + below(CASTSSL_MAJORS);
	char *text = random_text(version);
	const char *list[3];
	CastsslHbaWanted wanted = random_wanted(list);
	CastsslHbaPolicy *policy = text_policy(text, version);
	CastsslHbaPolicy *after;
	char *repaired;
	char *result;
	const char *problem = NULL;
	int count;
	int failed = check_failed;

	if (wanted.naddresses > 0 && !is_possible(policy, &wanted))
		wanted.naddresses = 0;
	repaired = edited(policy, &nothing, &count);
	policy = text_policy(repaired, version);
	CHECK_STRING(edited(policy, &nothing, &count), repaired);
	CHECK_INT(count, 0);

	result = edited(text_policy(text, version), &wanted, &count);
	after = text_policy(result, version);
	CHECK_INT(count_errors(after), count_errors(policy));
	CHECK_STRING(edited(after, &wanted, &count), result);
	CHECK_INT(count, 0);
	CHECK_STRING(edited(after, NULL, &count), repaired);
	for (int i = 0; i < 60 && problem == NULL && wanted.naddresses == 0; i++)
	{
		CastsslConnection connection = random_connection();

		problem = broken_promise(policy, after, &connection, &wanted);
	}
	CHECK_STRING(problem, NULL);
	if (check_failed > failed)
		printf("round %d, version %d, clientcert %s, block %d, gss %d:\n%s\n--- became\n%s\n---\n",
			   round, version, castssl_clientcert_name(wanted.clientcert), wanted.block_plaintext,
			   wanted.gss_possible, text, result);
}

int
main(void)
{
	const char *seed = getenv("CASTSSL_SEED");
	const char *rounds = getenv("CASTSSL_ROUNDS");
	int count = rounds ? atoi(rounds) : 20000;

	state = seed ? strtoul(seed, NULL, 10) : 1;
	printf("seed %lu, %d policies: ", (unsigned long) state, count);
	for (int i = 0; i < count && check_failed < 10; i++)
		one_round(i);
	return check_summary();
}
