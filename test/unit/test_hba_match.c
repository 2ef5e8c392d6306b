/*
 * test_hba_match.c
 *		Which rule answers: each of the server's rules, by hand.
 */
#include "postgres_fe.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "check.h"
#include "hba_world.h"

static TestWorld world;

static CastsslConnection
connection(const char *database, const char *user, const char *address,
		   CastsslEncryption encryption)
{
	CastsslConnection result = { .database = database, .user = user, .encryption = encryption };

	if (address != NULL)
	{
		result.family = strchr(address, ':') != NULL ? 6 : 4;
		inet_pton(result.family == 6 ? AF_INET6 : AF_INET, address, result.address);
	}
	return result;
}

/* The number of the line that answers, from 1; 0: none.  *doubtful is a number too. */
static int
answer_in(const char *text, int version, CastsslConnection conn, int *doubtful)
{
	CastsslHbaPolicy *policy = text_policy(text, version);
	int doubt;
	int found = castssl_hba_match(policy, &conn, &world.world, &doubt);

	if (doubtful != NULL)
		*doubtful = doubt < 0 ? 0 : policy->rules[doubt].line_number;
	return found < 0 ? 0 : policy->rules[found].line_number;
}

static int
answer(const char *text, const char *database, const char *user, const char *address,
	   CastsslEncryption encryption)
{
	return answer_in(text, 16, connection(database, user, address, encryption), NULL);
}

static void
test_types(void)
{
	const char *text = "hostssl all ssl all trust\n"
					   "hostnossl all nossl all trust\n"
					   "hostgssenc all gss all trust\n"
					   "hostnogssenc all nogss all trust\n"
					   "host all host all trust\n"
					   "local all local trust\n";
	static const struct
	{
		const char *user;
		int socket, none, tls, gss;
	} expected[] = {
		{ "ssl", 0, 0, 1, 0 },   { "nossl", 0, 2, 0, 2 }, { "gss", 0, 0, 0, 3 },
		{ "nogss", 0, 4, 4, 0 }, { "host", 0, 5, 5, 5 },  { "local", 6, 0, 0, 0 },
	};

	for (int i = 0; i < lengthof(expected); i++)
	{
		const char *user = expected[i].user;

		CHECK_INT(answer(text, "d", user, NULL, CASTSSL_PLAINTEXT), expected[i].socket);
		CHECK_INT(answer(text, "d", user, "127.0.0.1", CASTSSL_PLAINTEXT), expected[i].none);
		CHECK_INT(answer(text, "d", user, "127.0.0.1", CASTSSL_TLS), expected[i].tls);
		CHECK_INT(answer(text, "d", user, "::1", CASTSSL_GSS), expected[i].gss);
	}
}

static void
test_databases(void)
{
	const char *text = "host replication all all trust\n"
					   "host sameuser all all trust\n"
					   "host samerole all all trust\n"
					   "host \"all\",\"replication\" all all trust\n"
					   "host /^log_ all all trust\n"
					   "host \"/^quoted\" all all trust\n"
					   "host all all all trust\n";
	CastsslConnection replication = connection("", "bob", "127.0.0.1", CASTSSL_PLAINTEXT);

	replication.replication = true;
	CHECK_INT(answer_in(text, 16, replication, NULL), 1);
	CHECK_INT(answer_in("host all all all trust\n", 16, replication, NULL), 0);
	CHECK_INT(answer_in("host \"replication\" all all trust\n", 16, replication, NULL), 0);
	CHECK_INT(answer(text, "bob", "bob", "::1", CASTSSL_TLS), 2);
	CHECK_INT(answer(text, "staff", "alice", "::1", CASTSSL_TLS), 3);
	CHECK_INT(answer(text, "staff", "bob", "::1", CASTSSL_TLS), 7);
	CHECK_INT(answer("host samegroup all all trust\n", "staff", "alice", "::1", CASTSSL_TLS), 1);
	CHECK_INT(answer(text, "all", "bob", "::1", CASTSSL_TLS), 4);
	CHECK_INT(answer(text, "replication", "bob", "::1", CASTSSL_TLS), 4);
	CHECK_INT(answer("host replication all all trust\n", "replication", "bob", "::1", CASTSSL_TLS),
			  0);
	CHECK_INT(answer(text, "log_1", "bob", "::1", CASTSSL_TLS), 5);
	/* a regular expression may be quoted; before 16 there are none */
	CHECK_INT(answer(text, "quoted2", "bob", "::1", CASTSSL_TLS), 6);
	CHECK_INT(answer_in(text, 15, connection("log_1", "bob", "::1", CASTSSL_TLS), NULL), 7);
	CHECK_INT(answer_in("host /^log_ all all trust\n", 15,
						connection("/^log_", "bob", "::1", CASTSSL_TLS), NULL),
			  1);
}

static void
test_users(void)
{
	const char *text = "host all +staff all trust\n"
					   "host all \"+staff\" all trust\n"
					   "host all /^b.b$ all trust\n"
					   "host all \"all\" all trust\n"
					   "host all carol,dave all trust\n"
					   "host all all all trust\n";

	CHECK_INT(answer(text, "d", "alice", "::1", CASTSSL_TLS), 1);
	CHECK_INT(answer(text, "d", "staff", "::1", CASTSSL_TLS), 1);
	CHECK_INT(answer(text, "d", "+staff", "::1", CASTSSL_TLS), 2);
	CHECK_INT(answer(text, "d", "bob", "::1", CASTSSL_TLS), 3);
	CHECK_INT(answer(text, "d", "all", "::1", CASTSSL_TLS), 4);
	CHECK_INT(answer(text, "d", "dave", "::1", CASTSSL_TLS), 5);
	CHECK_INT(answer(text, "d", "Dave", "::1", CASTSSL_TLS), 6);
}

static void
test_addresses(void)
{
	const char *text = "host all all 10.1.2.3/8 trust\n"
					   "host all all 172.16.0.7 255.240.0.255 trust\n"
					   "host all all fe80::/10 trust\n"
					   "host all all samehost trust\n"
					   "host all all samenet trust\n"
					   "host all all 0.0.0.0/0 trust\n";

	CHECK_INT(answer(text, "d", "u", "10.200.0.1", CASTSSL_TLS), 1);
	CHECK_INT(answer(text, "d", "u", "172.31.9.7", CASTSSL_TLS), 2);
	CHECK_INT(answer(text, "d", "u", "172.31.9.8", CASTSSL_TLS), 6);
	CHECK_INT(answer(text, "d", "u", "febf::1", CASTSSL_TLS), 3);
	CHECK_INT(answer(text, "d", "u", "fec0::1", CASTSSL_TLS), 0);
	CHECK_INT(answer(text, "d", "u", "127.0.0.1", CASTSSL_TLS), 4);
	CHECK_INT(answer(text, "d", "u", "127.0.0.2", CASTSSL_TLS), 5);
	CHECK_INT(answer("host all all ::/0 trust\n", "d", "u", "1.2.3.4", CASTSSL_TLS), 0);
}

static void
test_doubts(void)
{
	const char *text = "host db1 all .example.com reject\n"
					   "host all all 127.0.0.0/8 md5\n"
					   "host all all unknown.example.com trust\n";
	CastsslConnection one = connection("db1", "u", "127.0.0.1", CASTSSL_TLS);
	CastsslConnection two = connection("db2", "u", "127.0.0.1", CASTSSL_TLS);
	CastsslConnection far = connection("db2", "u", "8.8.8.8", CASTSSL_TLS);
	CastsslHbaPolicy *policy = text_policy("host samerole +a all trust\n", 16);
	int doubtful;

	world.know_hosts = false;
	CHECK_INT(answer_in(text, 16, one, &doubtful), 2);
	CHECK_INT(doubtful, 1);
	CHECK_INT(answer_in(text, 16, two, &doubtful), 2);
	CHECK_INT(doubtful, 0);
	CHECK_INT(answer_in(text, 16, far, &doubtful), 0);
	CHECK_INT(doubtful, 3);
	/* a world that knows nothing */
	CHECK_INT(castssl_hba_match(policy, &far, NULL, &doubtful), -1);
	CHECK_INT(doubtful, 0);
	CHECK_INT(castssl_hba_match(policy, &far, NULL, NULL), -1);
	policy = text_policy("host all /^u all trust\n", 16);
	CHECK_INT(castssl_hba_match(policy, &far, NULL, &doubtful), -1);
	CHECK_INT(doubtful, 0);
	world.know_hosts = true;
}

static void
test_errors(void)
{
	CHECK_INT(
		answer("host all all all nonsense\nhost all all all md5\n", "d", "u", "::1", CASTSSL_TLS),
		2);
}

int
main(void)
{
	random_world(&world);
	memset(world.member, 0, sizeof(world.member));
	for (int i = 0; i < NROLES; i++)
		world.member[i][i] = true;
	world.member[role_number("alice")][role_number("staff")] = true;
	test_types();
	test_databases();
	test_users();
	test_addresses();
	test_doubts();
	test_errors();
	return check_summary();
}
