/*
 * test_hba_diff.c
 *		Unified diffs, and the same as single lines.
 */
#include "postgres_fe.h"

#include "check.h"
#include "hba/text/diff.h"

#define HEAD "--- /f\n+++ /f (staged)\n"

static CastsslHbaDocument *
read_text(const char *text)
{
	return castssl_hba_document_read("/f", text, strlen(text), 16);
}

static const char *
diff(const char *before, const char *after)
{
	StringInfoData text;

	initStringInfo(&text);
	castssl_diff(&text, read_text(before), read_text(after));
	return text.data;
}

static void
append_line(void *arg, bool added, int line_number, const char *text)
{
	appendStringInfo(arg, "%c%d:%s\n", added ? '+' : '-', line_number, text);
}

static const char *
diff_lines(const char *before, const char *after)
{
	StringInfoData text;

	initStringInfo(&text);
	castssl_diff_lines(read_text(before), read_text(after), append_line, &text);
	return text.data;
}

static void
test_edits(void)
{
	CHECK_STRING(diff("a\nb\n", "a\nb\n"), "");
	CHECK_STRING(diff("", ""), "");
	CHECK_STRING(diff("a\nb\n", "a\nx\nb\n"), HEAD "@@ -1,2 +1,3 @@\n a\n+x\n b\n");
	CHECK_STRING(diff("a\nx\nb\n", "a\nb\n"), HEAD "@@ -1,3 +1,2 @@\n a\n-x\n b\n");
	CHECK_STRING(diff("a\nx\nb\n", "a\ny\nb\n"), HEAD "@@ -1,3 +1,3 @@\n a\n-x\n+y\n b\n");
	CHECK_STRING(diff("", "a\n"), HEAD "@@ -0,0 +1 @@\n+a\n");
	CHECK_STRING(diff("a\n", ""), HEAD "@@ -1 +0,0 @@\n-a\n");
	CHECK_STRING(diff_lines("a\nb\n", "a\nb\n"), "");
	CHECK_STRING(diff_lines("a\nx\nb\nc\n", "a\ny\nz\nb\n"), "-2:x\n+2:y\n+3:z\n-4:c\n");
}

static void
test_context(void)
{
	/* with six equal lines in between, two differences are one hunk; with seven, two hunks */
	CHECK_STRING(diff("x\n1\n2\n3\n4\n5\n6\nx\n", "y\n1\n2\n3\n4\n5\n6\ny\n"),
				 HEAD "@@ -1,8 +1,8 @@\n-x\n+y\n 1\n 2\n 3\n 4\n 5\n 6\n-x\n+y\n");
	CHECK_STRING(diff("x\n1\n2\n3\n4\n5\n6\n7\nx\n", "y\n1\n2\n3\n4\n5\n6\n7\ny\n"),
				 HEAD "@@ -1,4 +1,4 @@\n-x\n+y\n 1\n 2\n 3\n"
					  "@@ -6,4 +6,4 @@\n 5\n 6\n 7\n-x\n+y\n");
}

static void
test_line_ends(void)
{
	/* a unified diff keeps the carriage return, which patch(1) needs; single lines do not */
	CHECK_STRING(diff("a\r\nx\r\n", "a\r\ny\r\n"), HEAD "@@ -1,2 +1,2 @@\n a\r\n-x\r\n+y\r\n");
	CHECK_STRING(diff_lines("a\r\nx\r\n", "a\r\ny\r\n"), "-2:x\n+2:y\n");
	CHECK_STRING(diff("x\n", "x\r\n"), HEAD "@@ -1 +1 @@\n-x\n+x\r\n");
	CHECK_STRING(diff("a\nx", "a\nx\n"),
				 HEAD "@@ -1,2 +1,2 @@\n a\n-x\n\\ No newline at end of file\n+x\n");
	CHECK_STRING(diff("a\nx\n", "a\nx"),
				 HEAD "@@ -1,2 +1,2 @@\n a\n-x\n+x\n\\ No newline at end of file\n");
	CHECK_STRING(diff("x\nb", "y\nb"),
				 HEAD "@@ -1,2 +1,2 @@\n-x\n+y\n b\n\\ No newline at end of file\n");
	CHECK_STRING(diff_lines("a", "b"), "-1:a\n+1:b\n");
}

static void
test_secrets(void)
{
	CHECK_STRING(diff_lines("host all all all ldap ldapbindpasswd=one\n",
							"host all all all ldap ldapbindpasswd=two\n"),
				 "-1:host all all all ldap ldapbindpasswd=***\n"
				 "+1:host all all all ldap ldapbindpasswd=***\n");
	/* no line is shown that the server joins with a secret */
	CHECK_STRING(diff_lines("", "host all all all ldap \\\nldapbindpasswd=\\\nsecret\nb\n"),
				 "+1:***\n+2:***\n+3:***\n+4:b\n");
}

/* "a", count lines of this letter, "z" */
static const char *
long_text(char letter, int count)
{
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "a\n");
	for (int i = 0; i < count; i++)
		appendStringInfo(&text, "%c%d\n", letter, i);
	appendStringInfoString(&text, "z\n");
	return text.data;
}

static bool
ends_with(const char *text, const char *end)
{
	return strlen(text) >= strlen(end) && strcmp(text + strlen(text) - strlen(end), end) == 0;
}

static void
test_long_differences(void)
{
	/* the search finds an agreement within 2000 lines; without one, the whole rest differs */
	CHECK(ends_with(diff_lines(long_text('x', 1000), long_text('y', 1000)), "\n+1001:y999\n"));
	CHECK(ends_with(diff_lines(long_text('x', 1001), long_text('y', 1000)), "\n+1002:z\n"));
	CHECK(strstr(diff_lines(long_text('x', 1001), long_text('y', 1000)), "\n-1003:z\n+2:y0\n") !=
		  NULL);
	CHECK_STRING(diff_lines(long_text('x', 100000), long_text('x', 100000)), "");
}

static const char *
merge(const char *before, const char *after, const char *live)
{
	StringInfoData text;

	initStringInfo(&text);
	castssl_diff_merge(&text, read_text(before), read_text(after), read_text(live));
	return text.data;
}

/* The change of "host" is undone, and what somebody wrote since stays. */
static void
test_merge(void)
{
	const char *before = "local\nhost\nhost6\n";
	const char *after = "local\nhostssl\n#host\nhost6\n";

	CHECK_STRING(merge(before, after, after), before);
	CHECK_STRING(merge(before, after, "reject\nlocal\nhostssl\n#host\nhost6\n"),
				 "reject\nlocal\nhost\nhost6\n");
	CHECK_STRING(merge(before, after, "local\nreject\nhostssl\n#host\nhost6\n"),
				 "local\nreject\nhost\nhost6\n");
	CHECK_STRING(merge(before, after, "local\nhostssl\nreject\n#host\nhost6\n"),
				 "local\nreject\nhost\nhost6\n");
	CHECK_STRING(merge(before, after, "local\nhostssl\n#host\nreject\nhost6\n"),
				 "local\nhost\nreject\nhost6\n");
	CHECK_STRING(merge(before, after, "local\nhostssl\n#host\nhost6\nreject\n"),
				 "local\nhost\nhost6\nreject\n");
	/* somebody has removed or changed a line, also one that the change wrote */
	CHECK_STRING(merge(before, after, "local\nhostssl\n#host\n"), "local\nhost\n");
	CHECK_STRING(merge(before, after, "hostssl\n#host\nhost6\n"), "host\nhost6\n");
	CHECK_STRING(merge(before, after, "local\nhost6\n"), "local\nhost6\n");
	CHECK_STRING(merge(before, after, "local\nreject\nhost6\n"), "local\nreject\nhost6\n");
	CHECK_STRING(merge(before, after, "local\nhostssl cert\n#host\nhost6\n"),
				 "local\nhostssl cert\nhost\nhost6\n");
	/* an added line comes above the lines that come back, so that it still takes effect */
	CHECK_STRING(merge("a\nb\n", "a\n", "a\nreject\n"), "a\nreject\nb\n");
	CHECK_STRING(merge("a\n", "a\nb\n", "a\nb\nc\n"), "a\nc\n");
	CHECK_STRING(merge(before, after, before), before);
	CHECK_STRING(merge(before, after, ""), "");
	CHECK_STRING(merge("", "b\n", "b\nc\n"), "c\n");
}

int
main(void)
{
	test_edits();
	test_context();
	test_merge();
	test_line_ends();
	test_secrets();
	test_long_differences();
	return check_summary();
}
