/*
 * hba_world.h
 *		A small world for tests of policies: random policies, and every connection of the world.
 */
#ifndef CASTSSL_TEST_HBA_WORLD_H
#define CASTSSL_TEST_HBA_WORLD_H

#include <regex.h>

#include "reader.h"

#include "hba/match/match.h"

/* The names of the world; the last ones are in no random policy. */
static const char *const world_users[] = { "alice",    "bob",      "all", "staff", "ops",
										   "stranger", "newcomer", "app", "log",   "replication" };
static const char *const world_databases[] = { "app", "alice",       "bob",
											   "all", "replication", "staff",
											   "log", "elsewhere",   "stranger" };
#define NUSERS lengthof(world_users)
#define NROLES 6 /* the first world_users are roles, the others are not */
#define NDATABASES lengthof(world_databases)

typedef struct TestWorld
{
	CastsslHbaWorld world;
	bool member[NROLES][NROLES]; /* member and role, by number in world_users */
	uint32 own_hosts;            /* bits: which of world_hosts' hosts an address belongs to */
	bool know_hosts;
} TestWorld;

static uint64 random_state = 1;

/* A number below n; the same sequence for the same seed everywhere. */
static inline int
pick(int n)
{
	random_state = random_state * UINT64CONST(6364136223846793005) + 1442695040888963407;
	return (int) ((random_state >> 33) % n);
}

static inline int
role_number(const char *name)
{
	for (int i = 0; i < NROLES; i++)
		if (strcmp(world_users[i], name) == 0)
			return i;
	return -1;
}

static CastsslAnswer
test_member(void *arg, const char *user, const char *role)
{
	const TestWorld *world = arg;
	int a = role_number(user);
	int b = role_number(role);

	return a >= 0 && b >= 0 && world->member[a][b] ? CASTSSL_YES : CASTSSL_NO;
}

static CastsslAnswer
test_regexp(void *arg, const char *pattern, const char *string)
{
	static struct
	{
		char *pattern;
		regex_t compiled;
	} known[64];
	int i = 0;

	while (i < lengthof(known) && known[i].pattern != NULL &&
		   strcmp(known[i].pattern, pattern) != 0)
		i++;
	if (i == lengthof(known))
		return CASTSSL_UNKNOWN;
	if (known[i].pattern == NULL)
	{
		if (regcomp(&known[i].compiled, pattern, REG_EXTENDED | REG_NOSUB) != 0)
			return CASTSSL_UNKNOWN;
		known[i].pattern = pstrdup(pattern);
	}
	return regexec(&known[i].compiled, string, 0, NULL, 0) == 0 ? CASTSSL_YES : CASTSSL_NO;
}

static CastsslAnswer
test_own_address(void *arg, uint8 family, const uint8 *address, bool network)
{
	static const uint8 loopback4[4] = { 127, 0, 0, 1 };
	static const uint8 loopback6[16] = { [15] = 1 };

	if (family == 6)
		return memcmp(address, loopback6, 16) == 0 ? CASTSSL_YES : CASTSSL_NO;
	if (network)
		return address[0] == 127 ? CASTSSL_YES : CASTSSL_NO;
	return memcmp(address, loopback4, 4) == 0 ? CASTSSL_YES : CASTSSL_NO;
}

/* The host name of an address, at random; names end in ".lan", and an address has one name. */
static CastsslAnswer
test_host_name(void *arg, uint8 family, const uint8 *address, const char *name)
{
	static const char *const hosts[] = { "a.lan", "b.lan", "elsewhere.org", "" };
	const TestWorld *world = arg;
	const char *host;
	size_t length = strlen(name);
	uint32 hash = world->own_hosts;

	if (!world->know_hosts)
		return CASTSSL_UNKNOWN;
	for (int i = 0; i < (family == 4 ? 4 : 16); i++)
		hash = hash * 31 + address[i];
	host = hosts[hash / 7 % lengthof(hosts)];
	if (name[0] == '.')
		return strlen(host) >= length && strcmp(host + strlen(host) - length, name) == 0
				   ? CASTSSL_YES
				   : CASTSSL_NO;
	return strcmp(host, name) == 0 ? CASTSSL_YES : CASTSSL_NO;
}

static inline void
random_world(TestWorld *world)
{
	memset(world, 0, sizeof(TestWorld));
	world->world.member = test_member;
	world->world.regexp = test_regexp;
	world->world.own_address = test_own_address;
	world->world.host_name = test_host_name;
	world->world.arg = world;
	world->world.roles = world_users;
	world->world.nroles = NROLES;
	world->own_hosts = pick(1000000);
	world->know_hosts = true;
	for (int i = 0; i < NROLES; i++)
		for (int j = 0; j < NROLES; j++)
			world->member[i][j] = i == j || pick(4) == 0;
	for (int k = 0; k < NROLES; k++)
		for (int i = 0; i < NROLES; i++)
			for (int j = 0; j < NROLES; j++)
				if (world->member[i][k] && world->member[k][j])
					world->member[i][j] = true;
}

/* The words of a random policy. */
typedef struct Vocabulary
{
	const char *const *databases;
	int ndatabases;
	const char *const *users;
	int nusers;
	const char *const *addresses;
	int naddresses;
} Vocabulary;

static const char *const plain_databases[] = { "all",         "all",
											   "app",         "alice",
											   "log",         "sameuser",
											   "replication", "\"replication\"",
											   "app,log",     "all,replication",
											   "sameuser,app" };
static const char *const plain_users[] = { "all",       "all",     "alice",    "bob",
										   "alice,bob", "\"all\"", "bob,staff" };
static const char *const plain_addresses[] = { "all",
											   "0.0.0.0/0",
											   "::/0",
											   "127.0.0.0/8",
											   "127.0.0.0/9",
											   "127.128.0.0/9",
											   "127.0.0.1/32",
											   "127.0.0.0/31",
											   "127.0.0.2/31",
											   "127.0.0.0/30",
											   "127.1.2.3/16",
											   "0.0.0.0/1",
											   "128.0.0.0/1",
											   "::1/128",
											   "::/127",
											   "::2/127",
											   "::/1",
											   "8000::/1",
											   "127.0.0.0 255.0.255.0",
											   "127.0.1.0 255.0.255.0",
											   "127.0.0.0 255.255.255.1",
											   "127.0.0.1 255.255.255.1" };
static const char *const any_databases[] = {
	"all",           "app",         "alice",           "sameuser", "samerole",
	"samegroup,app", "replication", "all,replication", "/^a",      "/l",
	"staff",         "\"all\""
};
static const char *const any_users[] = { "all",        "alice",      "bob",    "+staff",
										 "+ops",       "+staff,bob", "/^s",    "/^alice$",
										 "\"+staff\"", "staff",      "+nobody" };
static const char *const any_addresses[] = {
	"all",   "127.0.0.0/8", "127.0.0.1/32", "::/0",      "0.0.0.0/0",   "samehost",       "samenet",
	"a.lan", ".lan",        "B.lan",        "0.0.0.0/1", "128.0.0.0/1", "0.0.0.1 0.0.0.1"
};

static const Vocabulary plain_vocabulary = { plain_databases, lengthof(plain_databases),
											 plain_users,     lengthof(plain_users),
											 plain_addresses, lengthof(plain_addresses) };
static const Vocabulary any_vocabulary = { any_databases, lengthof(any_databases),
										   any_users,     lengthof(any_users),
										   any_addresses, lengthof(any_addresses) };

#define MAX_LINES 40

static inline char *
random_line(const Vocabulary *vocabulary, bool methods)
{
	static const char *const types[] = { "local",   "host",      "host",       "host",
										 "hostssl", "hostnossl", "hostgssenc", "hostnogssenc" };
	static const char *const outcomes[] = { "trust",         "reject", "md5",
											"scram-sha-256", "reject", "scram-sha-256" };
	const char *type = types[pick(lengthof(types))];
	const char *method = methods ? outcomes[pick(lengthof(outcomes))] : "trust";
	const char *address = vocabulary->addresses[pick(vocabulary->naddresses)];
	const char *option = "";

	if (strcmp(type, "local") == 0)
		address = "";
	if (strcmp(type, "hostssl") == 0 && strcmp(method, "reject") != 0 && pick(2) == 0)
		option = pick(2) == 0 ? "clientcert=verify-ca" : "clientcert=verify-full";
	return psprintf("%s %s %s %s %s %s", type, vocabulary->databases[pick(vocabulary->ndatabases)],
					vocabulary->users[pick(vocabulary->nusers)], address, method, option);
}

static inline CastsslHbaPolicy *
lines_policy(char **lines, int nlines)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "# test\n");
	for (int i = 0; i < nlines; i++)
		appendStringInfo(&text, "%s\n", lines[i]);
	return text_policy(text.data, 16);
}

/* A few random changes of a policy's lines. */
static inline void
random_edit(char **lines, int *nlines, const Vocabulary *vocabulary)
{
	for (int n = 1 + pick(4); n > 0; n--)
	{
		int at = pick(*nlines + 1);

		switch (pick(4))
		{
			case 0:
				if (*nlines < MAX_LINES)
				{
					memmove(&lines[at + 1], &lines[at], (*nlines - at) * sizeof(char *));
					lines[at] = random_line(vocabulary, true);
					(*nlines)++;
				}
				break;
			case 1:
				if (at < *nlines)
				{
					memmove(&lines[at], &lines[at + 1], (*nlines - at - 1) * sizeof(char *));
					(*nlines)--;
				}
				break;
			case 2:
				if (at < *nlines)
					lines[at] = random_line(vocabulary, true);
				break;
			default:
				if (at + 1 < *nlines)
				{
					char *line = lines[at];

					lines[at] = lines[at + 1];
					lines[at + 1] = line;
				}
		}
	}
}

/* Addresses to try: on both sides of every boundary that a policy can have. */
typedef struct Sample
{
	uint8 family;
	uint8 address[16];
} Sample;

static const Sample samples[] = {
	{ 4, { 0, 0, 0, 0 } },
	{ 4, { 1, 2, 3, 4 } },
	{ 4, { 1, 2, 3, 5 } },
	{ 4, { 126, 255, 255, 254 } },
	{ 4, { 126, 255, 255, 255 } },
	{ 4, { 127, 0, 0, 0 } },
	{ 4, { 127, 0, 0, 1 } },
	{ 4, { 127, 0, 0, 2 } },
	{ 4, { 127, 0, 0, 3 } },
	{ 4, { 127, 0, 0, 4 } },
	{ 4, { 127, 0, 0, 5 } },
	{ 4, { 127, 0, 1, 4 } },
	{ 4, { 127, 0, 1, 5 } },
	{ 4, { 127, 0, 2, 4 } },
	{ 4, { 127, 0, 2, 5 } },
	{ 4, { 127, 1, 0, 8 } },
	{ 4, { 127, 1, 0, 9 } },
	{ 4, { 127, 1, 1, 8 } },
	{ 4, { 127, 1, 1, 9 } },
	{ 4, { 127, 1, 7, 8 } },
	{ 4, { 127, 1, 7, 9 } },
	{ 4, { 127, 5, 0, 8 } },
	{ 4, { 127, 5, 0, 9 } },
	{ 4, { 127, 5, 1, 8 } },
	{ 4, { 127, 5, 1, 9 } },
	{ 4, { 127, 5, 7, 8 } },
	{ 4, { 127, 5, 7, 9 } },
	{ 4, { 127, 128, 0, 0 } },
	{ 4, { 127, 128, 0, 1 } },
	{ 4, { 127, 200, 1, 0 } },
	{ 4, { 127, 200, 1, 1 } },
	{ 4, { 127, 200, 7, 0 } },
	{ 4, { 127, 200, 7, 1 } },
	{ 4, { 128, 0, 0, 0 } },
	{ 4, { 128, 0, 0, 1 } },
	{ 6, { 0 } },
	{ 6, { [15] = 1 } },
	{ 6, { [15] = 2 } },
	{ 6, { [15] = 3 } },
	{ 6, { [15] = 4 } },
	{ 6, { 0x7f, 1 } },
	{ 6, { 0x80 } },
	{ 6, { 0x80, [15] = 1 } },
};

/* Connection number n of the world; false when there are no more. */
static inline bool
nth_connection(int n, CastsslConnection *connection)
{
	int address;

	memset(connection, 0, sizeof(CastsslConnection));
	connection->user = world_users[n % NUSERS];
	n /= NUSERS;
	connection->replication = n % (NDATABASES + 1) == NDATABASES;
	connection->database = connection->replication ? "" : world_databases[n % (NDATABASES + 1)];
	n /= NDATABASES + 1;
	address = n % (lengthof(samples) + 1);
	if (address > 0)
	{
		connection->family = samples[address - 1].family;
		memcpy(connection->address, samples[address - 1].address, 16);
	}
	n /= lengthof(samples) + 1;
	connection->encryption = (CastsslEncryption) n;
	if (connection->family == 0 && n > 0)
		connection->encryption = CASTSSL_PLAINTEXT;
	return n <= CASTSSL_GSS;
}

static inline const char *
channel_of(const CastsslConnection *connection)
{
	if (connection->family == 0)
		return "socket";
	return connection->encryption == CASTSSL_TLS   ? "tls"
		   : connection->encryption == CASTSSL_GSS ? "gss"
												   : "none";
}

static inline char *
describe(const CastsslConnection *connection)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "%s db=%s user=%s address=", channel_of(connection),
					 connection->replication ? "(replication)" : connection->database,
					 connection->user);
	for (int i = 0; i < (connection->family == 4 ? 4 : connection->family == 6 ? 16 : 0); i++)
		appendStringInfo(&text, "%s%d", i > 0 ? "." : "", connection->address[i]);
	return text.data;
}

#endif
