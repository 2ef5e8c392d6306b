/*
 * test_hba_unreachable.c
 *		Which rules no connection can reach, and why: by hand.
 */
#include "postgres_fe.h"

#include "check.h"
#include "hba_world.h"

#include "hba/access/unreachable.h"

/* "3<1,2 5<" for: rule 3 is blocked by rules 1 and 2, and rule 5 unreachable because TLS is off. */
static char *
unreachable_of(const char *text, bool tls)
{
	CastsslHbaPolicy *policy = text_policy(text, 16);
	bool *unreachable = palloc0((policy->nrules + 1) * sizeof(bool));
	int **blocking = palloc0((policy->nrules + 1) * sizeof(int *));
	int *nblocking = palloc0((policy->nrules + 1) * sizeof(int));
	TestWorld world;
	StringInfoData result;

	random_world(&world);
	memset(world.member, true, sizeof(world.member));
	castssl_hba_find_unreachable(policy, tls, &world.world, unreachable, blocking, nblocking);
	initStringInfo(&result);
	for (int i = 0; i < policy->nrules; i++)
	{
		if (!unreachable[i])
			continue;
		appendStringInfo(&result, "%s%d<", result.len > 0 ? " " : "", i + 1);
		for (int j = 0; j < nblocking[i]; j++)
			appendStringInfo(&result, "%s%d", j > 0 ? "," : "", blocking[i][j] + 1);
	}
	return result.data;
}

#define CHECK_UNREACHABLE(text, wanted) CHECK_STRING(unreachable_of(text, true), wanted)

/* Very many patterns that match a name. */
static void
test_many_patterns(void)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 1; i < 30; i++)
		appendStringInfo(&text, "local app \"/^a.{0,%d}lice\" md5\n", i);
	CHECK_UNREACHABLE(psprintf("%slocal app alice md5\n", text.data), "30<1");
}

static void
test_unreachable(void)
{
	CHECK_UNREACHABLE("host all all all md5\nhostssl all bob ::1/128 cert\n", "2<1");
	CHECK_UNREACHABLE("host all all 0.0.0.0/1 md5\nhost all all 128.0.0.0/1 md5\n"
					  "host all all 0.0.0.0/0 md5\nhost all all all md5\n",
					  "3<1,2");
	CHECK_UNREACHABLE("hostssl all all all md5\nhostnossl all all all md5\nhost all all all md5\n",
					  "3<1,2");
	CHECK_UNREACHABLE(
		"hostssl all all all md5\nhostnogssenc all all all md5\nhost all all all md5\n", "");
	CHECK_UNREACHABLE(
		"local all alice md5\nlocal all bob md5\nlocal app bob,alice md5\nlocal all all md5\n",
		"3<1,2");
	/* all does not include replication; sameuser is not all, but includes bob in database bob */
	CHECK_UNREACHABLE(
		"local all all md5\nlocal replication all md5\nlocal \"replication\" all md5\n", "3<1");
	CHECK_UNREACHABLE("local sameuser all md5\nlocal all all md5\n", "");
	CHECK_UNREACHABLE("local sameuser all md5\nlocal bob bob md5\nlocal sameuser +staff md5\n",
					  "2<1 3<1");
	CHECK_UNREACHABLE("local all sam,bob md5\nlocal sam,bob sam,bob md5\nlocal sameuser all md5\n",
					  "2<1");
	/* membership can change, so it makes no rule unreachable, but the same group does */
	CHECK_UNREACHABLE("local all +staff md5\nlocal all alice md5\nlocal app +staff,alice md5\n"
					  "local staff +ops md5\n",
					  "3<1,2");
	CHECK_UNREACHABLE("local samerole all md5\nlocal staff +staff md5\nlocal staff +ops md5\n"
					  "local samegroup +ops md5\nlocal sameuser +ops md5\nlocal sameuser bob md5\n",
					  "2<1 4<1 5<1");
	/* a regular expression always matches the same names */
	CHECK_UNREACHABLE(
		"local all /^a md5\nlocal all alice md5\nlocal all bob md5\nlocal app /^a md5\n",
		"2<1 4<1");
	/* DNS and interfaces can change, except loopback addresses; equal words cannot */
	CHECK_UNREACHABLE(
		"host all all 127.0.0.0/8 md5\nhost all all samehost md5\nhost all all samenet md5\n"
		"host all bob samenet md5\n",
		"4<3");
	CHECK_UNREACHABLE(
		"host all all samenet md5\nhost all all samehost md5\nhost all all 127.0.0.1/32 md5\n",
		"2<1 3<1");
	CHECK_UNREACHABLE("host all all samenet md5\nhost all all 127.0.0.0/8 md5\n"
					  "host all all 127.0.0.1 255.255.255.254 md5\n",
					  "3<2");
	CHECK_UNREACHABLE("host all all .example.com md5\nhost all all a.EXAMPLE.com md5\n"
					  "host all all example.com md5\nhost all all .b.example.com md5\n",
					  "2<1 4<1");
	CHECK_UNREACHABLE("host all all 0.0.0.0/0 md5\nhost all all ::/0 md5\nhost all all a.lan md5\n",
					  "3<1,2");
	/* masks with gaps */
	CHECK_UNREACHABLE("host all all 10.0.1.0 255.0.255.0 md5\nhost all all 10.9.1.0/24 md5\n"
					  "host all all 10.9.2.0/24 md5\n",
					  "2<1");
	CHECK_UNREACHABLE("host all all 0.0.0.1 0.0.0.1 md5\nhost all all 0.0.0.1 0.0.0.1 md5\n"
					  "host all all 10.0.0.1/32 md5\n",
					  "2<1 3<1");
	/* TLS off; lines with errors; empty names */
	CHECK_STRING(unreachable_of("hostssl all all all md5\nhost all all all md5\n"
								"hostssl all bob all md5\nhost all bob all md5\n",
								false),
				 "1< 3< 4<2");
	CHECK_UNREACHABLE("local all all nonsense\nlocal all all md5\nlocal all all nonsense\n", "");
	CHECK_UNREACHABLE("local \"\" all md5\n", "1<");
}

/* Addresses in both halves of IPv6, in both families, and masks with gaps. */
static void
test_intervals(void)
{
	CHECK_UNREACHABLE(
		"host all all ::/128 md5\nhost all all ::1/128 md5\nhost all all ::/127 md5\n", "3<1,2");
	CHECK_UNREACHABLE("host all all a.lan md5\nhost all all samehost md5\n", "");
	/* a rule of another family does not block, nor a rule for only some of the users */
	CHECK_UNREACHABLE(
		"host all all 0.0.0.0/0 md5\nhost all all ::/0 md5\nhost all all ::1/128 md5\n", "3<2");
	CHECK_UNREACHABLE("host all all 0.0.0.0/1 md5\nhost all bob 0.0.0.0/0 md5\n"
					  "host all all 128.0.0.0/1 md5\nhost all all 0.0.0.0/0 md5\n",
					  "4<1,3");
	/* an unreachable rule answers nobody, so it is not a blocking rule */
	CHECK_UNREACHABLE("host all all 0.0.0.0/1 md5\nhost all all 128.0.0.0/1 md5\n"
					  "host all all 0.0.0.0/0 md5\nhost all bob 0.0.0.0/0 md5\n",
					  "3<1,2 4<1,2");
	/* the odd addresses, then the even ones */
	CHECK_UNREACHABLE("host all all 0.0.0.1 0.0.0.1 md5\nhost all all 0.0.0.0 0.0.0.1 md5\n"
					  "host all all 10.0.0.0/8 md5\n",
					  "3<1,2");
}

int
main(void)
{
	test_unreachable();
	test_many_patterns();
	test_intervals();
	return check_summary();
}
