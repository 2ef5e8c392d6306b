/*
 * test_hba_lines.c
 *		What a changed line keeps of the old one, and lines that belong together.
 */
#include "postgres_fe.h"

#include "check.h"
#include "hba/edit/keep.h"
#include "hba/edit/twins.h"
#include "reader.h"

#define RULE "all all 10.0.0.0/8 md5"

static char *
comment_of(const char *text)
{
	return castssl_hba_comment(text_policy(text, 15)->files[0], 0);
}

static void
test_comment(void)
{
	CHECK_STRING(comment_of("host " RULE "\n"), "");
	CHECK_STRING(comment_of("host " RULE "  \n"), "");
	CHECK_STRING(comment_of("host " RULE "\t# ticket 1 \n"), "\t# ticket 1 ");
	CHECK_STRING(comment_of("host all \"a#b\" all md5#x\n"), "#x");
	CHECK_STRING(comment_of("host all \\\n all all md5 # x\n"), " # x");
	CHECK_STRING(comment_of("hostssl " RULE " # castssl\n"), " # castssl");
	/* with another type, this would become one of our lines */
	CHECK_STRING(comment_of("host " RULE " # castssl\n"), "");
}

static bool
is_same(const char *text, const char *line)
{
	return castssl_hba_same_line(text_policy(text, 15)->files[0], 0, line);
}

static void
test_same(void)
{
	CHECK(is_same("host  " RULE " # x\n", "host " RULE));
	CHECK(is_same("host all \\\n all 10.0.0.0/8 md5\n", "host " RULE));
	CHECK(!is_same("host " RULE "\n", "host " RULE " map=x"));
	CHECK(!is_same("host \"all\" all 10.0.0.0/8 md5\n", "host " RULE));
	/* comments have no tokens */
	CHECK(is_same("# a note\n", "# a note"));
	CHECK(!is_same("# a note\n", "# a nota"));
	CHECK(!is_same("# a note\n", "# a"));
}

static char *
changed(const char *text, const char *line)
{
	return castssl_hba_keep_breaks(text_policy(text, 15)->files[0], 0, line);
}

static void
test_breaks(void)
{
	CHECK_STRING(changed("host all all all md5\n", "hostssl x"), "hostssl x");
	CHECK_STRING(changed("host a,\\\n b all \\\r\n md5 # x\n", "hostssl a, b all  md5 # x"),
				 "hostssl a,\\\n b all \\\r\n md5 # x");
	CHECK_STRING(changed("host a,\\\n b all \\\nmd5 # x\n", "host a, b all trust # x"),
				 "host a,\\\n b all \\\ntrust # x");
	CHECK_STRING(changed("host\\\n a all all md5\n", "hostssl a all all md5"),
				 "hostssl\\\n a all all md5");
	CHECK_STRING(changed("host a\\\n all all md5\n", "host a all all md5 map=x"),
				 "host a\\\n all all md5 map=x");
	CHECK_STRING(changed("host a\\\n all all md5 \\\n map=x # y\n", "host a all all md5 # y"),
				 "host a\\\n all all md5 # y");
	CHECK_STRING(changed("host a\\\n all all md5\n", "host a all all md5"),
				 "host a\\\n all all md5");
	/* a break inside of what changes goes */
	CHECK_STRING(changed("host a \\\n b \\\n all md5\n", "host all all all md5"),
				 "host all all \\\n all md5");
	CHECK_STRING(changed("host a \\\n b\n", "local"), "local");
	/* a comment in place of the line, and of its comment */
	CHECK_STRING(changed("host a \\\n b \\\n c\n", "# x"), "# x");
	CHECK_STRING(changed("host a \\\n b # x\n", "host a b # y"), "host a b # y");
}

/* The line numbers of what stands below the twin in the first line; "shared" where it does not. */
static char *
below(const char *text)
{
	CastsslHbaPolicy *policy = text_policy(text, 15);
	StringInfoData lines;
	bool shared;
	int count;
	int *records = castssl_hba_disabled_below(policy, 0, 0, &count, &shared);

	initStringInfo(&lines);
	for (int i = 0; i < count; i++)
		appendStringInfo(&lines, "%d ", policy->files[0]->records[records[i]].line_number);
	appendStringInfoString(&lines, shared ? "shared" : "");
	return lines.data;
}

static void
test_twins(void)
{
	static const char twin[] = "hostssl " RULE " clientcert=verify-ca # castssl\n";
	CastsslHbaPolicy *policy;

	CHECK_STRING(below(psprintf("%s#castssl# host " RULE "\n", twin)), "2 ");
	CHECK_STRING(below(psprintf("%s# a note\n\n#castssl# host " RULE "\nlocal all all md5\n"
								"#castssl# host " RULE "\n",
								twin)),
				 "4 ");
	CHECK_STRING(below(psprintf("%s#castssl# host all bob 10.0.0.0/8 md5\n", twin)), "");
	CHECK_STRING(below(psprintf("%s#castssl# hostnossl " RULE "\n", twin)), "");
	CHECK_STRING(
		below(psprintf("%shostgssenc " RULE " # castssl\n#castssl# host " RULE "\n", twin)),
		"3 shared");
	CHECK_STRING(below(psprintf("%shostgssenc " RULE "\n#castssl# host " RULE "\n", twin)), "3 ");
	CHECK_STRING(
		below(psprintf("%shostgssenc all bob 10.0.0.0/8 gss\n#castssl# host " RULE "\n", twin)),
		"");
	CHECK_STRING(below("hostssl " RULE "\n#castssl# host " RULE "\n"), "");

	policy = text_policy(psprintf("%shost " RULE "\nhost " RULE "\n", twin), 15);
	CHECK(castssl_hba_twin(policy, &policy->rules[0]) == NULL);
	CHECK(castssl_hba_twin(policy, &policy->rules[1]) == &policy->rules[0]);
	CHECK(castssl_hba_twin(policy, &policy->rules[2]) == NULL);
	/* nothing but comments above */
	policy = text_policy("# a note\n\nhost " RULE "\n", 15);
	CHECK(castssl_hba_twin(policy, &policy->rules[0]) == NULL);
}

int
main(void)
{
	test_comment();
	test_same();
	test_breaks();
	test_twins();
	return check_summary();
}
