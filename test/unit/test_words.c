/*
 * test_words.c
 *		Names and values in text that people paste.
 */
#include "postgres_fe.h"

#include "base/finding.h"
#include "base/words.h"
#include "check.h"

static const char *const hostile[] = {
	"plain",
	"",
	"a b",
	"x'; touch PWNED; : '",
	"$(touch PWNED)",
	"`touch PWNED`",
	"\"",
	"a\\b",
	"\\",
	"-rf",
	"--help",
	"*?[a-z]",
	"~root",
	"a;b&c|d>",
	"{a,b}",
	"!history",
	"d\xc3\xbc",
	"/a/'b'/c",
	"#x",
	"a=b",
	"\xe2\x82\xac",
	"'",
	"''",
	"%s%n",
};

static const char *const unpasteable[] = {
	"a\nb",    /* a line break */
	"\x1b[2J", /* a terminal's command */
	"a\tb",
	"a\x7f",
	"a\xc2\x85z", /* a C1 control character */
	"a\xe2\x80\xae"
	"txt.exe",        /* right to left */
	"a\xe2\x81\xa6z", /* isolated */
	"a\xe2\x80\x8bz", /* no width */
	"\xef\xbb\xbf"
	"a",                 /* a byte-order mark */
	"a\xf3\xa0\x81\x81", /* a tag */
	"a\xff",
	"a\xc3",        /* not UTF-8 */
	"\xed\xa0\x80", /* half a surrogate */
	"\xc0\xaf",     /* too long a form */
};

/* The word as a shell passes it to a command. */
static char *
said_by_shell(const char *word)
{
	static char said[1024];
	char *command = psprintf("printf '<%%s>' %s", word);
	FILE *pipe = popen(command, "r");
	size_t length = pipe ? fread(said, 1, sizeof(said) - 1, pipe) : 0;

	said[length] = '\0';
	if (pipe == NULL || pclose(pipe) != 0)
		return "(failed)";
	return said;
}

static void
test_shell(void)
{
	for (int i = 0; i < lengthof(hostile); i++)
	{
		const char *wanted =
			hostile[i][0] == '-' ? psprintf("<./%s>", hostile[i]) : psprintf("<%s>", hostile[i]);

		CHECK(castssl_is_pasteable(hostile[i]));
		CHECK_STRING(said_by_shell(castssl_shell_word(hostile[i])), wanted);
	}
	CHECK_STRING(castssl_shell_word("/etc/ssl/a-b_1.crt"), "/etc/ssl/a-b_1.crt");
}

static void
test_unpasteable(void)
{
	for (int i = 0; i < lengthof(unpasteable); i++)
	{
		CHECK(!castssl_is_pasteable(unpasteable[i]));
		CHECK_STRING(castssl_shell_word(unpasteable[i]), NULL);
		if (strchr(unpasteable[i], '\t') == NULL)
			CHECK_STRING(castssl_sql_literal(unpasteable[i]), NULL);
		CHECK_STRING(castssl_windows_word(unpasteable[i]), NULL);
		CHECK_STRING(castssl_hint_naming("remove %s", unpasteable[i]), NULL);
	}
	CHECK(!castssl_is_pasteable(NULL));
	CHECK(!castssl_is_utf8("a\xff") && castssl_is_utf8("d\xc3\xbc"));
}

static void
test_values(void)
{
	CHECK_STRING(castssl_sql_literal("a'b"), "'a''b'");
	CHECK_STRING(castssl_sql_literal("a\\b'c"), "E'a\\\\b''c'");
	CHECK_STRING(castssl_sql_literal(""), "''");
	CHECK_STRING(castssl_sql_literal("a\t'b"), "E'a\\t''b'");
	CHECK_STRING(castssl_sql_literal("a\tb\n"), NULL);
	CHECK_STRING(castssl_windows_word("C:\\a b\\c"), "\"C:\\a b\\c\"");
	CHECK_STRING(castssl_windows_word("C:\\%PATH%"), NULL);
	CHECK_STRING(castssl_windows_word("C:\\\" & del x"), NULL);
	CHECK_STRING(castssl_hint_with("mv %s %s.old", "'a b'"), "mv 'a b' 'a b'.old");
	CHECK_STRING(castssl_counted(1, "line", "lines"), "1 line");
	CHECK_STRING(castssl_counted(2, "line", "lines"), "2 lines");
	CHECK_STRING(castssl_hint_with("100%", "x"), "100%");
}

/* A finding does not keep a hint that is not pasteable. */
static void
test_findings(void)
{
	CastsslFindings findings = { 0 };

	castssl_finding_add(&findings, CASTSSL_ERROR, "c", "s", "m", NULL, "rm a\nb");
	castssl_finding_add(&findings, CASTSSL_ERROR, "c", "s", "m", NULL, "rm a");
	CHECK_STRING(findings.items[0].hint, NULL);
	CHECK_STRING(findings.items[1].hint, "rm a");
}

int
main(void)
{
	test_shell();
	test_unpasteable();
	test_values();
	test_findings();
	return check_summary();
}
