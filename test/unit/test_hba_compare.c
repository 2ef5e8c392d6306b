/*
 * test_hba_compare.c
 *		What an edit does to access: by hand, and with many rules.
 */
#include "postgres_fe.h"

#include <time.h>

#include "base/interrupts.h"
#include "check.h"
#include "hba/access/compare.h"
#include "flow/ask/fallback.h"
#include "hba/access/unreachable.h"
#include "hba/match/outcome.h"
#include "hba_world.h"

static char *
text_of(const CastsslHbaDifferences *differences)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < differences->count; i++)
	{
		const CastsslHbaDifference *row = &differences->items[i];

		appendStringInfo(&text, "%s | %s | %s | %s | %s | %s | %s%s\n",
						 castssl_hba_change_name(row->change), row->encryption, row->database,
						 row->user, row->address ? row->address : "-", row->before, row->after,
						 row->certain ? "" : " (possible)");
	}
	return text.data;
}

/* All rows, one a line, as "change | encryption | database | user | address | before | after". */
static char *
rows_of(const char *before, bool tls_before, const char *after, bool tls_after)
{
	TestWorld world;
	CastsslHbaDifferences differences = { 0 };

	random_world(&world);
	memset(world.member, 0, sizeof(world.member));
	for (int i = 0; i < NROLES; i++)
		world.member[i][i] = true;
	world.member[role_number("alice")][role_number("staff")] = true;
	world.know_hosts = false;
	castssl_hba_compare(text_policy(before, 16), tls_before, text_policy(after, 16), tls_after,
						&world.world, &differences);
	return text_of(&differences);
}

/*
 * Only the rows for clients that may fall back to plaintext; then the number of rules that ask for
 * a certificate in vain, and the first of them.
 */
static char *
fallbacks_of(const char *before, const char *after)
{
	TestWorld world;
	CastsslHbaDifferences all = { 0 };
	CastsslHbaDifferences some = { 0 };
	int first = -1;
	int count;

	random_world(&world);
	castssl_hba_compare(text_policy(before, 16), true, text_policy(after, 16), true, &world.world,
						&all);
	castssl_hba_add_fallbacks(text_policy(before, 16), text_policy(after, 16), &world.world, &all);
	some.items = palloc((all.count + 1) * sizeof(CastsslHbaDifference));
	for (int i = 0; i < all.count; i++)
	{
		if (all.items[i].change == CASTSSL_HBA_MAY_FALL_BACK)
			some.items[some.count++] = all.items[i];
	}
	count = castssl_hba_count_fallbacks(text_policy(after, 16), &world.world, &first);
	return psprintf("%s%d from %d", text_of(&some), count, first);
}

static void
test_fallback(void)
{
	const char *before = "host all all 0.0.0.0/0 md5\n";
	const char *row = "may fall back to plaintext | tls | ";

	CHECK_STRING(fallbacks_of(before, before), "0 from -1");
	CHECK_STRING(fallbacks_of(before, "hostssl all all 0.0.0.0/0 cert\n"), "0 from -1");
	CHECK_STRING(
		fallbacks_of(before, "hostssl all all 0.0.0.0/0 cert\nhost all all 0.0.0.0/0 md5\n"),
		psprintf("%sall | all | 0.0.0.0/0 | md5 | md5 in plaintext\n1 from 0", row));
	/* no row if clients could fall back before too */
	CHECK_STRING(
		fallbacks_of(
			"hostssl all all 0.0.0.0/0 cert\nhost all all 0.0.0.0/0 md5\n",
			"hostssl all all 0.0.0.0/0 md5 clientcert=verify-full\nhost all all 0.0.0.0/0 md5\n"),
		"1 from 0");
	/* only some may use plaintext; then: nobody who must have a certificate */
	CHECK_STRING(
		fallbacks_of(before, "hostssl all all 0.0.0.0/0 cert\nhostnossl app bob 10.0.0.0/8 md5\n"),
		psprintf("%sapp | bob | 10.0.0.0/8 | md5 | md5 in plaintext\n1 from 0", row));
	CHECK_STRING(fallbacks_of(before,
							  "hostssl all alice 0.0.0.0/0 cert\nhostnossl all bob 0.0.0.0/0 md5\n"
							  "hostssl all bob 0.0.0.0/0 md5\n"),
				 "0 from -1");
	/* a reject in between */
	CHECK_STRING(fallbacks_of(before,
							  "hostssl all all 0.0.0.0/0 cert\nhost all all 10.0.0.0/8 reject\n"
							  "host all all 10.1.0.0/16 md5\n"),
				 "0 from -1");
	/* refused over TLS */
	CHECK_STRING(fallbacks_of(before, "hostnossl all all 0.0.0.0/0 md5\n"),
				 psprintf("%sall | all | 0.0.0.0/0 | md5 | md5 in plaintext\n0 from -1", row));
	CHECK_STRING(fallbacks_of(before, "hostnossl all all 10.0.0.0/8 trust\n"),
				 psprintf("%sall | all | 10.0.0.0/8 | md5 | trust in plaintext\n0 from -1", row));
}

#define SCRAM "scram-sha-256"
#define CHECK_ROWS(before, after, wanted) CHECK_STRING(rows_of(before, true, after, true), wanted)

static char *
first_line(const char *text)
{
	return pnstrdup(text, strcspn(text, "\n"));
}

static void
test_require(void)
{
	const char *before = "local all all peer\n"
						 "host all all 127.0.0.1/32 scram-sha-256\n"
						 "host all all 0.0.0.0/0 scram-sha-256\n";
	const char *keep = "local all all peer\n"
					   "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
					   "host all all 127.0.0.1/32 scram-sha-256\n"
					   "hostssl all all 0.0.0.0/0 scram-sha-256 clientcert=verify-ca\n"
					   "host all all 0.0.0.0/0 scram-sha-256\n";
	const char *block = "local all all peer\n"
						"hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
						"hostgssenc all all 127.0.0.1/32 scram-sha-256\n"
						"hostssl all all 0.0.0.0/0 scram-sha-256 clientcert=verify-ca\n"
						"hostgssenc all all 0.0.0.0/0 scram-sha-256\n";
	CHECK_STRING(first_line(rows_of(before, true, keep, true)),
				 "client certificate now required | tls | all | all | 127.0.0.1/32 | " SCRAM
				 " | " SCRAM " clientcert=verify-ca");
	/* all addresses but one would be 32 blocks: too many to show */
	CHECK(strstr(rows_of(before, true, keep, true), "| all | all | 0.0.0.0/0 | ") != NULL);
	CHECK_STRING(rows_of(before, false, keep, true), rows_of(before, true, keep, true));
	CHECK_STRING(rows_of(before, false, keep, false), "");
	CHECK_STRING(rows_of(before, true, before, true), "");
	CHECK_STRING(first_line(rows_of(before, true, block, true)),
				 "newly refused | none | all | all | 127.0.0.1/32 | " SCRAM " | refused");
	CHECK(strstr(rows_of(before, false, block, true), "newly admitted") == NULL);
	CHECK(strstr(rows_of(before, true, block, true), " gss ") == NULL);
}

static void
test_switching_tls_off(void)
{
	const char *text = "hostssl all alice all md5\nhost all bob ::/0 md5\n";

	CHECK_STRING(rows_of(text, true, text, false),
				 "newly refused | tls | all | alice | all | md5 | refused\n"
				 "newly refused | tls | all | bob | ::/0 | md5 | refused\n");
	CHECK_STRING(rows_of(text, false, text, true), "");
}

static void
test_order(void)
{
	CHECK_ROWS("host all all 10.0.0.0/8 md5\nhost app all 10.1.0.0/16 reject\n",
			   "host app all 10.1.0.0/16 reject\nhost all all 10.0.0.0/8 md5\n",
			   "newly refused | none | app | all | 10.1.0.0/16 | md5 | refused\n"
			   "newly refused | tls | app | all | 10.1.0.0/16 | md5 | refused\n"
			   "newly refused | gss | app | all | 10.1.0.0/16 | md5 | refused\n");
	/* the order does not matter if no connection matches both rules, or if both do the same */
	CHECK_ROWS("host all alice all md5\nhost all bob all trust\nhost app,log bob ::1/128 trust\n",
			   "host all bob all trust\nhost all alice all md5\n", "");
	/* a reject for all at the end changes nothing */
	CHECK_ROWS("local all alice md5\n", "local all alice md5\nhost all all all reject\n", "");
	/* two halves for a whole */
	CHECK_ROWS("hostssl all all 0.0.0.0/0 md5\nhostssl all all ::/0 md5\n",
			   "hostssl all all all md5\n", "");
	CHECK_ROWS("hostssl all all 10.0.0.0/8 md5\n",
			   "hostssl all all 10.0.0.0/9 md5\nhostssl all all 10.160.0.0/11 md5\n",
			   "newly refused | tls | all | all | 10.128.0.0/11, 10.192.0.0/10 | md5 | refused\n");
}

static void
test_names(void)
{
	CHECK_ROWS("local app,log alice,bob md5\n", "local app,log alice,bob trust\n",
			   "admitted without proof | socket | app, log | alice, bob | - | md5 | trust\n");
	CHECK_ROWS("", "local sameuser all trust\n",
			   "newly admitted | socket | sameuser | all | - | refused | trust\n");
	CHECK_ROWS("local sameuser all trust\n", "local samerole all trust\n",
			   "newly admitted | socket | samerole | all | - | refused | trust\n"
			   "newly refused | socket | sameuser | all | - | trust | refused\n");
	CHECK_ROWS("local replication all md5\n", "local \"replication\" all md5\n",
			   "newly admitted | socket | \"replication\" | all | - | refused | md5\n"
			   "newly refused | socket | replication | all | - | md5 | refused\n");
	CHECK_ROWS("local all +staff md5\n", "local all +staff,bob md5\n",
			   "newly admitted | socket | all | bob | - | refused | md5\n");
	/* alice is in staff, so her name changes nothing; she is not in ops */
	CHECK_ROWS("local all +staff md5\n", "local all +staff,alice md5\n", "");
	CHECK_ROWS("local all +ops md5\n", "local all alice md5\n",
			   "newly admitted | socket | all | alice | - | refused | md5\n"
			   "newly refused | socket | all | +ops | - | md5 | refused\n");
	CHECK_ROWS("local all /^a md5\n", "local all /^a trust\n",
			   "admitted without proof | socket | all | /^a | - | md5 | trust\n");
	/* the same regular expression stands above, so alice is never asked for a password */
	CHECK_ROWS("local all /^a trust\nlocal all alice md5\n",
			   "local all /^a trust\nlocal all alice scram-sha-256\n", "");
}

/* Names and patterns that contradict each other, and very many of them. */
static void
test_contradictions(void)
{
	StringInfoData text;

	CHECK_ROWS("local sameuser all md5\n", "local bob alice trust\n",
			   "newly admitted | socket | bob | alice | - | refused | trust\n"
			   "newly refused | socket | sameuser | all | - | md5 | refused\n");
	CHECK_ROWS("local all /^b md5\nlocal all alice trust\n", "local all alice trust\n",
			   "newly refused | socket | all | /^b | - | md5 | refused\n");
	CHECK_ROWS("local /^b all md5\nlocal alice all trust\n",
			   "local /^b all trust\nlocal alice all "
			   "trust\n",
			   "admitted without proof | socket | /^b | all | - | md5 | trust\n");
	CHECK_ROWS("local all,app,replication all md5\n", "local replication,all all trust\n",
			   "admitted without proof | socket | all, replication | all | - | md5 | trust\n");
	/* rules for the names that a witness usually gets */
	CHECK_ROWS("local all other_user md5\nlocal all someone md5\n",
			   "local all other_user md5\nlocal all someone md5\nlocal all all trust\n",
			   "newly admitted | socket | all | all | - | refused | trust\n");
	/* patterns for databases, and for users of replication */
	CHECK_ROWS(
		"local alice,/^x alice,bob md5\n", "local /^al bob,alice trust\n",
		"newly admitted | socket | /^al | alice, bob | - | refused | trust\n"
		"admitted without proof | socket | /^x and /^al | alice, bob | - | md5 | trust (possible)\n"
		"admitted without proof | socket | alice | alice, bob | - | md5 | trust\n"
		"newly refused | socket | /^x | alice, bob | - | md5 | refused\n");
	CHECK_ROWS("local replication,app /^al md5\n", "local app,replication alice trust\n",
			   "admitted without proof | socket | replication, app | alice | - | md5 | trust\n"
			   "newly refused | socket | replication, app | /^al | - | md5 | refused\n");
	/* more keys than the first capacity of the array */
	initStringInfo(&text);
	appendStringInfoString(&text, "local all u0");
	for (int i = 1; i < 2000; i++)
		appendStringInfo(&text, ",u%d", i);
	CHECK_STRING(rows_of(psprintf("%s md5\n", text.data), true,
						 psprintf("%s md5\nlocal all u7 trust\n", text.data), true),
				 "");
	resetStringInfo(&text);
	for (int i = 0; i < 30; i++)
		appendStringInfo(&text, "local /^a.{%d} /^a.{0,%d} md5\n", i, i);
	CHECK_STRING(rows_of(text.data, true, text.data, true), "");
	appendStringInfoString(&text, "local all alice md5\n");
	CHECK(strstr(rows_of(text.data, true, "local all alice trust\n", true),
				 "admitted without proof | socket | all | alice | - | md5 | trust") != NULL);
}

/* To all names most addresses of the group's rule are left, but to its members only the last. */
static void
test_addresses_of_members(void)
{
	const char *above = "hostssl all alice,staff 10.0.0.0/9 md5\n"
						"hostssl all alice,staff 10.128.0.0/10 md5\n"
						"hostssl all alice,staff 10.192.0.0/11 md5\n";

	CHECK_ROWS(psprintf("%shostssl all +staff 10.0.0.0/8 md5\n", above),
			   psprintf("%shostssl all +staff 10.0.0.0/8 trust\n", above),
			   "admitted without proof | tls | all | +staff | 10.0.0.0/8 | md5 | trust\n");
}

static void
test_addresses(void)
{
	CHECK_ROWS("hostssl all all .example.com md5\n",
			   "hostssl all all .example.com md5 clientcert=verify-full\n",
			   "client certificate now required | tls | all | all | .example.com | md5 | "
			   "md5 clientcert=verify-full (possible)\n");
	CHECK_ROWS("hostssl all all samehost md5\n", "hostssl all all samenet md5\n",
			   "newly admitted | tls | all | all | samenet | refused | md5\n");
	/* the row is there although DNS may say that nothing changes */
	CHECK_ROWS("hostssl all all .example.com md5\n",
			   "hostssl all all .example.com md5\nhostssl all all 10.0.0.0/8 md5\n",
			   "newly admitted | tls | all | all | 10.0.0.0/8 | refused | md5 (possible)\n");
	CHECK_ROWS("", "hostssl all all 10.0.0.3 255.0.0.255 md5\n",
			   "newly admitted | tls | all | all | 10.0.0.3/255.0.0.255 in 10.0.0.0/8 | refused | "
			   "md5\n");
}

/* Masks with gaps cut what is left into many parts; the rows show the blocks around them. */
static void
test_masks_with_gaps(void)
{
	CHECK_ROWS("hostssl all all 0.0.0.3 0.0.0.3 reject\n",
			   "hostssl all all 0.0.0.3 0.0.0.3 reject\nhostssl all all 10.0.0.0/8 md5\n",
			   "newly admitted | tls | all | all | 10.0.0.0/8 | refused | md5\n");
	CHECK_ROWS("hostssl all all 0.0.0.1 0.0.0.1 reject\n",
			   "hostssl all all 0.0.0.1 0.0.0.1 reject\nhostssl all all all md5\n",
			   "newly admitted | tls | all | all | all | refused | md5\n");
	CHECK_ROWS(
		"hostssl all all samenet md5\n", "hostssl all all a.lan trust\n",
		"newly admitted | tls | all | all | a.lan | refused | trust (possible)\n"
		"admitted without proof | tls | all | all | samenet and a.lan | md5 | trust (possible)\n"
		"newly refused | tls | all | all | samenet | md5 | refused (possible)\n");
}

/* Names are shown as they are written in the file. */
static void
test_quotes(void)
{
	/* a quoted slash begins a regular expression, too */
	CHECK_ROWS("", "local \"a b\",\"all\",\"+c\",\"/d\",\"e,f\" \"g#\",h trust\n",
			   "newly admitted | socket | \"all\", \"a b\", \"+c\", /d, \"e,f\" | \"g#\", h | - | "
			   "refused | trust\n");
}

/* samerole, sameuser and patterns as databases. */
static void
test_databases(void)
{
	CHECK_ROWS("", "local samerole bob,+staff md5\n",
			   "newly admitted | socket | samerole | bob, +staff | - | refused | md5\n");
	CHECK_ROWS("local all other_user md5\n", "local sameuser all trust\nlocal all other_user md5\n",
			   "newly admitted | socket | sameuser | all | - | refused | trust\n"
			   "admitted without proof | socket | other_user | other_user | - | md5 | trust\n");
	CHECK_ROWS("", "local sameuser /^b trust\n",
			   "newly admitted | socket | sameuser | /^b | - | refused | trust\n");
	CHECK_ROWS("", "local /^al,/zz all trust\n",
			   "newly admitted | socket | /^al, /zz | all | - | refused | trust\n");
}

static int interrupts;

static void
count_interrupt(void)
{
	interrupts++;
}

/* A comparison lets interrupts in. */
static void
test_interrupts(void)
{
	StringInfoData text;
	CastsslHbaDifferences differences = { 0 };

	initStringInfo(&text);
	for (int i = 0; i < 300; i++)
		appendStringInfo(&text, "host db%d +g%d all md5\nhost all +h%d all md5\n", i, i, i);
	castssl_interrupted = count_interrupt;
	castssl_hba_compare(text_policy(text.data, 16), true,
						text_policy(psprintf("host all all all trust\n%s", text.data), 16), true,
						NULL, &differences);
	castssl_interrupted = NULL;
	CHECK(interrupts > 0);
}

static void
test_outcomes(void)
{
	CHECK_ROWS("hostssl all all ::/0 cert map=a\n", "hostssl all all ::/0 cert map=b\n",
			   "method changed | tls | all | all | ::/0 | cert map=a | cert map=b\n");
	CHECK_ROWS("hostssl all all ::/0 cert\n", "hostssl all all ::/0 md5\n",
			   "client certificate no longer required | tls | all | all | ::/0 | cert | md5\n");
	CHECK_ROWS("hostssl all all ::/0 md5 clientcert=verify-ca\n",
			   "hostssl all all ::/0 md5 clientcert=verify-full\n",
			   "method changed | tls | all | all | ::/0 | md5 clientcert=verify-ca | md5 "
			   "clientcert=verify-full\n");
	/* trust needs no proof; verify-ca does not prove who the client is */
	CHECK_ROWS("hostssl all all ::/0 ldap ldapserver=a ldapbasedn=b\n",
			   "hostssl all all ::/0 trust\n",
			   "admitted without proof | tls | all | all | ::/0 | ldap ldapserver=a ldapbasedn=b | "
			   "trust\n");
	CHECK_ROWS("hostssl all all ::/0 md5 clientcert=verify-ca\n",
			   "hostssl all all ::/0 trust clientcert=verify-ca\n",
			   "admitted without proof | tls | all | all | ::/0 | md5 clientcert=verify-ca | trust "
			   "clientcert=verify-ca\n");
	CHECK_ROWS("hostssl all all ::/0 trust clientcert=verify-ca\n", "hostssl all all ::/0 trust\n",
			   "admitted without proof | tls | all | all | ::/0 | trust clientcert=verify-ca | "
			   "trust\n");
	CHECK_ROWS("hostssl all all ::/0 md5\n", "hostssl all all ::/0 trust clientcert=verify-full\n",
			   "client certificate now required | tls | all | all | ::/0 | md5 | trust "
			   "clientcert=verify-full\n");
	CHECK_ROWS("hostssl all all ::/0 trust\n", "hostssl all all ::/0 trust clientcert=verify-ca\n",
			   "client certificate now required | tls | all | all | ::/0 | trust | trust "
			   "clientcert=verify-ca\n");
	/* the order of options does not matter, nor does a default value */
	CHECK_ROWS("hostssl all all ::/0 cert map=a\n",
			   "hostssl all all ::/0 cert clientname=CN map=a\n", "");
	CHECK_ROWS("local all all ldap ldapserver=a ldapbasedn=b ldapbindpasswd=secret\n",
			   "local all all ldap ldapbasedn=b ldapserver=a ldapbindpasswd=secret\n", "");
	/* secrets count, but are not shown */
	CHECK_ROWS("local all all ldap ldapserver=a ldapbasedn=b ldapbindpasswd=secret\n",
			   "local all all ldap ldapserver=a ldapbasedn=b ldapbindpasswd=other\n",
			   "method changed | socket | all | all | - | ldap ldapserver=a ldapbasedn=b "
			   "ldapbindpasswd=*** | ldap ldapserver=a ldapbasedn=b ldapbindpasswd=***\n");
	CHECK_ROWS("local all all nonsense\n", "local all all reject\n", "");
	/* of two options with one name, the last takes effect */
	CHECK_ROWS("local all all peer map=a map=b\n", "local all all peer map=b\n", "");
}

/* Many rules: each is found; the growth of the time is printed, but not tested. */
static CastsslHbaPolicy *
large_policy(int count, bool required)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < count; i++)
	{
		char *rule;

		if (i % 100 == 7)
			rule = psprintf("all +group%d 10.%d.0.0/16 md5", i % 50, i / 7 % 256);
		else if (i % 20 == 3)
			rule = psprintf("app%d all 172.%d.%d.0/24 md5", i, 16 + i % 16, i / 20 % 256);
		else
			rule = psprintf("app%d user%d 10.%d.%d.%d/32 scram-sha-256", i % 1000, i, i >> 16 & 255,
							i >> 8 & 255, i & 255);
		if (required)
			appendStringInfo(&text, "hostssl %s clientcert=verify-ca\n", rule);
		appendStringInfo(&text, "host %s\n", rule);
		pfree(rule);
	}
	appendStringInfoString(&text, "host all all all reject\nhost app7 user7 all trust\n");
	return text_policy(text.data, 16);
}

/* The rules that correspond to each other are far apart in both files. */
static void
test_rules_far_apart(void)
{
	StringInfoData texts[2];

	for (int after = 0; after < 2; after++)
	{
		initStringInfo(&texts[after]);
		for (int i = 0; i < 4000; i++)
		{
			int n = after ? 3999 - i : i;
			const char *method = after && n == 1234 ? "md5" : "scram-sha-256";
			char *block = psprintf("10.%d.%d.0/24", n / 200, n % 200);

			if (n % 4 == 0)
				appendStringInfo(&texts[after], "host db%d all %s %s\n", n, block, method);
			else if (n % 4 == 1)
				appendStringInfo(&texts[after], "host all user%d%s %s %s\n", n,
								 n % 8 == 1 ? ",+g" : "", block, method);
			else
				appendStringInfo(&texts[after], "host %s all %s %s\n", n % 4 == 2 ? "all" : "app",
								 block, method);
		}
	}
	CHECK_STRING(rows_of(texts[0].data, true, texts[1].data, true),
				 "method changed | none | all | all | 10.6.34.0/24 | scram-sha-256 | md5\n"
				 "method changed | tls | all | all | 10.6.34.0/24 | scram-sha-256 | md5\n"
				 "method changed | gss | all | all | 10.6.34.0/24 | scram-sha-256 | md5\n");
}

/* A reject for everything in the middle of many rules, which it has connections in common with. */
static void
test_reject_in_the_middle(void)
{
	StringInfoData texts[2];
	char *rows;

	for (int after = 0; after < 2; after++)
	{
		initStringInfo(&texts[after]);
		for (int i = 0; i < 2000; i++)
		{
			int n = after ? 1999 - i : i;

			if (i == 1000)
				appendStringInfoString(&texts[after], "host all bob 10.0.0.0/8 reject\n"
													  "host app all 10.0.0.0/8 reject\n"
													  "host all all 10.0.0.0/8 reject\n");
			appendStringInfo(&texts[after], "host %s 10.%d.%d.0/24 md5\n",
							 n % 3 == 0   ? "all all"
							 : n % 3 == 1 ? "all bob"
										  : "app all",
							 n / 200, n % 200);
		}
	}
	/* the half above the reject admits clients, the other one does not; the halves change places */
	rows = rows_of(texts[0].data, true, texts[1].data, true);
	CHECK(strstr(rows, "newly refused | tls | all | all | 10.0.0.0/24 | md5 | refused\n") != NULL);
	CHECK(strstr(rows, "newly admitted | tls | app | all | 10.9.197.0/24 | refused | md5\n") !=
		  NULL);
}

static double
seconds(void)
{
	return (double) clock() / CLOCKS_PER_SEC;
}

static void
test_large(void)
{
	double unreachable_time[2];
	double compare_time[2];

	for (int i = 0; i < 2; i++)
	{
		int count = i == 0 ? 10000 : 100000;
		CastsslHbaPolicy *before = large_policy(count, false);
		CastsslHbaPolicy *after = large_policy(count, true);
		CastsslHbaDifferences differences = { 0 };
		TestWorld world;
		bool *unreachable = palloc(before->nrules * sizeof(bool));
		int **blocking = palloc(before->nrules * sizeof(int *));
		int *nblocking = palloc(before->nrules * sizeof(int));
		int alive = 0;
		int others = 0;
		double start = seconds();

		random_world(&world);
		castssl_hba_find_unreachable(before, true, &world.world, unreachable, blocking, nblocking);
		unreachable_time[i] = seconds() - start;
		for (int rule = 0; rule < before->nrules; rule++)
			alive += !unreachable[rule];
		start = seconds();
		castssl_hba_compare(before, true, after, true, &world.world, &differences);
		compare_time[i] = seconds() - start;

		/* each reachable rule except reject now requires a certificate; nothing else changes */
		CHECK(unreachable[before->nrules - 1] && !unreachable[before->nrules - 2]);
		CHECK_INT(differences.count, alive - 1);
		for (int row = 0; row < differences.count; row++)
			others += differences.items[row].change != CASTSSL_HBA_CERTIFICATE_NOW_REQUIRED;
		CHECK_INT(others, 0);
		/* and all these clients may fall back to plaintext */
		castssl_hba_add_fallbacks(before, after, &world.world, &differences);
		CHECK_INT(differences.count, 2 * (alive - 1));
	}
	printf("(10,000 rules: unreachable %.2f s, compare %.2f s; 100,000 rules: %.1f and %.1f times "
		   "that) ",
		   unreachable_time[0], compare_time[0], unreachable_time[1] / unreachable_time[0],
		   compare_time[1] / compare_time[0]);
}

int
main(void)
{
	test_require();
	test_fallback();
	test_switching_tls_off();
	test_order();
	test_names();
	test_contradictions();
	test_addresses();
	test_addresses_of_members();
	test_outcomes();
	test_masks_with_gaps();
	test_quotes();
	test_databases();
	test_interrupts();
	test_rules_far_apart();
	test_reject_in_the_middle();
	test_large();
	return check_summary();
}
