/*
 * test_hba_lex.c
 *		Tokens of a line: quotes, commas, comments, spans, limits.
 */
#include "postgres_fe.h"

#include "check.h"
#include "hba/text/lex.h"

static CastsslHbaLine line;

static int
lex(const char *text, int version)
{
	castssl_hba_lex(&line, text, strlen(text), version);
	return line.nlexemes;
}

/* Tokens as text: '!' before a quoted one, '+' after one that a comma follows. */
static const char *
tokens(const char *text)
{
	static char result[1000];
	char *out = result;

	lex(text, 15);
	for (int i = 0; i < line.nlexemes; i++)
		out += sprintf(out, "%s[%s]%s", line.lexemes[i].quoted ? "!" : "", line.lexemes[i].string,
					   line.lexemes[i].comma ? "+" : "");
	*out = '\0';
	return result;
}

static void
test_tokens(void)
{
	CHECK_STRING(tokens(""), "");
	CHECK_STRING(tokens(" \t\r,,"), "");
	CHECK_STRING(tokens("host all all 127.0.0.1/32 md5"), "[host][all][all][127.0.0.1/32][md5]");
	CHECK_STRING(tokens("\thost\t\tall,db2 , u"), "[host][all]+[db2][u]");
	CHECK_STRING(tokens("a,b, c"), "[a]+[b]+[c]");
	CHECK_STRING(tokens("a ,b"), "[a][b]");
	CHECK_STRING(tokens(",,a,,b"), "[a]+[b]");
	CHECK_STRING(tokens("a#b c"), "[a]");
	CHECK_STRING(tokens("a,#b"), "[a]+");
	CHECK_STRING(tokens("#a"), "");
	CHECK_STRING(tokens("a\\ b"), "[a\\][b]");
}

static void
test_quotes(void)
{
	CHECK_STRING(tokens("\"all\" \"\" x"), "![all]![][x]");
	CHECK_STRING(tokens("\"a b,c#d\""), "![a b,c#d]");
	CHECK_STRING(tokens("\"a\"\"b\""), "![a\"b]");
	CHECK_STRING(tokens("\"\"\"\""), "![\"]");
	CHECK_STRING(tokens("a\"b c\"d"), "[ab cd]");
	CHECK_STRING(tokens("\"\"a"), "![a]");
	CHECK_STRING(tokens("+\"my group\""), "[+my group]");
	CHECK_STRING(tokens("\"a b"), "![a b]");
	CHECK(line.lexemes[0].open);
	CHECK_STRING(tokens("\"a\"\""), "![a\"]");
	CHECK(line.lexemes[0].open);
	CHECK_STRING(tokens("\"a\""), "![a]");
	CHECK(!line.lexemes[0].open);
}

static void
test_files(void)
{
	lex("@x \"@x\" @\"x y\" @ a@b", 15);
	CHECK_INT(line.nlexemes, 5);
	CHECK(line.lexemes[0].file);
	CHECK(!line.lexemes[1].file);
	CHECK(line.lexemes[2].file);
	CHECK_STRING(line.lexemes[2].string, "@x y");
	CHECK(!line.lexemes[3].file);
	CHECK(!line.lexemes[4].file);
}

static void
test_spans(void)
{
	const char *text = " host \"a b\",c#d";

	lex(text, 15);
	CHECK_INT(line.lexemes[0].start, 1);
	CHECK_INT(line.lexemes[0].end, 5);
	CHECK_INT(line.lexemes[1].start, 6);
	CHECK_INT(line.lexemes[1].end, 11);
	CHECK_INT(line.lexemes[2].start, 12);
	CHECK_INT(line.lexemes[2].end, 13);
	CHECK_INT(line.comment, 13);
	lex("host", 15);
	CHECK_INT(line.comment, 4);
}

/* Up to 16 a token has 10,239 bytes at most. */
static void
test_long_tokens(void)
{
	char *text = palloc(30001);

	memset(text, 'x', 30000);
	text[30000] = '\0';
	CHECK_INT(lex(text, 17), 1);
	CHECK(line.error == NULL);
	CHECK_INT(strlen(line.lexemes[0].string), 30000);
	for (int version = CASTSSL_OLDEST_MAJOR; version <= 16; version++)
	{
		CHECK_INT(lex(text, version), 0);
		CHECK_STRING(line.error, "authentication file token too long");
	}
	text[10240] = '\0';
	lex(text, 16);
	CHECK(line.error != NULL);
	text[10239] = '\0';
	CHECK_INT(lex(text, 16), 1);
	CHECK(line.error == NULL);
	/* the server tests its buffer before it tests for a comma, but after it tests for a comment */
	text[10239] = ',';
	text[10240] = '\0';
	lex(text, 16);
	CHECK(line.error != NULL);
	text[10239] = '#';
	CHECK_INT(lex(text, 16), 1);
	CHECK(line.error == NULL);
}

int
main(void)
{
	test_tokens();
	test_quotes();
	test_files();
	test_spans();
	test_long_tokens();
	castssl_hba_line_free(&line);
	return check_summary();
}
