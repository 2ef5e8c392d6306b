/*
 * test_hba_write.c
 *		Values as text of pg_hba.conf: what is written is read back.
 */
#include "postgres_fe.h"

#include "check.h"
#include "hba/text/parse.h"
#include "hba/text/write.h"
#include "reader.h"

static char *problem;

static char *
format(const char *type, const char *database, const char *user, const char *address,
	   const char *method, const char *option)
{
	return castssl_hba_format(type, &database, 1, &user, 1, address, method, &option,
							  option ? 1 : 0, &problem);
}

static void
test_format(void)
{
	const char *databases[] = { "a", "b c", "\"all\"" };
	const char *users[] = { "+g", "+my group", "@names", "@my names", "/^a$", "/^a, b$", "x\\" };
	const char *options[] = { "ldapserver=x", "ldapbasedn=dc=a, dc=b" };

	CHECK_STRING(format("local", "all", "all", NULL, "peer", NULL), "local all all peer");
	CHECK_STRING(format("host", "all", "", "10.0.0.0/8", "md5", NULL),
				 "host all \"\" 10.0.0.0/8 md5");
	CHECK_STRING(format("hostssl", "a\"b", "#", "10.0.0.1", "md5", "clientcert=verify-ca"),
				 "hostssl \"a\"\"b\" \"#\" 10.0.0.1/32 md5 clientcert=verify-ca");
	CHECK_STRING(format("host", "\"a\"b\"", "\"", "::1", "md5", NULL),
				 "host \"\"\"a\"\"b\"\"\" \"\"\"\" ::1/128 md5");
	CHECK_STRING(castssl_hba_format("host", databases, 3, users, 7, ".example.org", "ldap", options,
									2, &problem),
				 "host a,\"b c\",\"all\" +g,+\"my group\",@names,@\"my names\",/^a$,\"/^a, "
				 "b$\",\"x\\\" .example.org ldap ldapserver=x \"ldapbasedn=dc=a, dc=b\"");
	CHECK_STRING(problem, NULL);
}

/* More names and options than the first capacity of the arrays are read back. */
static void
test_many(void)
{
	const char *names[100];
	const char *options[40];
	CastsslHbaPolicy *policy;

	for (int i = 0; i < lengthof(names); i++)
		names[i] = psprintf("name%d", i);
	for (int i = 0; i < lengthof(options); i++)
		options[i] = psprintf("ldapserver=host%d", i);
	policy = text_policy(
		castssl_hba_format("host", names, 100, names, 100, "all", "ldap", options, 40, &problem),
		15);
	CHECK_INT(policy->rules[0].databases.count, 100);
	CHECK_INT(policy->rules[0].users.count, 100);
	CHECK_INT(policy->rules[0].options.count, 40);
}

/* castssl_hba_parse_text: one line alone, as after an edit. */
static void
test_parse_text(void)
{
	CastsslHbaLine line = { 0 };
	CastsslHbaFields fields = { 0 };
	CastsslHbaRule rule;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfoString(&text, "host ");
	for (int i = 0; i < 100; i++)
		appendStringInfo(&text, "db%d,", i);
	appendStringInfoString(&text, "x all all ldap ldapserver=a");
	for (int i = 0; i < 40; i++)
		appendStringInfo(&text, " ldapbasedn=dc%d", i);
	CHECK(castssl_hba_parse_text(text.data, text.len, 15, &line, &fields, &rule));
	CHECK_INT(rule.databases.count, 101);
	CHECK_INT(rule.options.count, 41);
	CHECK(!castssl_hba_parse_text("# no", 4, 15, &line, &fields, &rule));
	CHECK_STRING(rule.error, "no rule");
	castssl_hba_line_free(&line);
	castssl_hba_fields_free(&fields);
}

static void
test_problems(void)
{
	const char *all = "all";

#define CHECK_PROBLEM(result, text)                                                                \
	(CHECK_STRING((problem = NULL, result), NULL), CHECK_STRING(problem, text))

	CHECK_PROBLEM(format("hots", "all", "all", "all", "md5", NULL),
				  "invalid connection type \"hots\"");
	CHECK_PROBLEM(format("host", "a\nb", "all", "all", "md5", NULL),
				  "database must not contain a line break");
	CHECK_PROBLEM(format("host", "a", "u\r", "all", "md5", NULL),
				  "user must not contain a line break");
	CHECK_PROBLEM(format("host", "a", "u", "all", "md5", "map=\n"),
				  "option must not contain a line break");
	CHECK_PROBLEM(format("host", "a", "u", NULL, "md5", NULL),
				  "a rule of type \"host\" needs an address");
	CHECK_PROBLEM(format("local", "a", "u", "all", "md5", NULL),
				  "a rule of type \"local\" has no address");
	CHECK_PROBLEM(format("host", "a", "u", "10.0.0.300", "md5", NULL),
				  "invalid address \"10.0.0.300\"");
	CHECK_PROBLEM(format("host", "a", "u", "10.0.0.0/8\nhost", "md5", NULL),
				  "invalid address \"10.0.0.0/8\nhost\"");
	CHECK_PROBLEM(format("host", "a", "u", "all", "md5 x=y", NULL),
				  "invalid authentication method \"md5 x=y\"");
	CHECK_PROBLEM(format("host", "a", "u", "all", "md5\nlocal", NULL),
				  "invalid authentication method \"md5\nlocal\"");
	CHECK_PROBLEM(format("host", "a", "u", "all", "@f", NULL),
				  "invalid authentication method \"@f\"");
	CHECK_PROBLEM(castssl_hba_format("host", NULL, 0, &all, 1, "all", "md5", NULL, 0, &problem),
				  "a rule needs at least one database");
	CHECK_PROBLEM(castssl_hba_format("host", &all, 1, NULL, 0, "all", "md5", NULL, 0, &problem),
				  "a rule needs at least one user");
}

/* Each token is written so that the lexer reads the same token again. */
static void
test_tokens(void)
{
	static const char alphabet[] = "ab \t,#\"@+/\\x";
	uint64 state = 42;

	for (int round = 0; round < 20000; round++)
	{
		char source[12];
		int length;
		StringInfoData text;
		CastsslHbaPolicy *before;
		CastsslHbaPolicy *after;

		state = state * UINT64CONST(6364136223846793005) + 1;
		length = 1 + (state >> 33) % (sizeof(source) - 1);
		for (int i = 0; i < length; i++)
		{
			state = state * UINT64CONST(6364136223846793005) + 1;
			source[i] = alphabet[(state >> 33) % (sizeof(alphabet) - 1)];
		}
		/* the added quote closes one that is open, so that other fields can follow */
		before = text_policy(psprintf("local all %.*s\" \" trust", length, source), 15);
		if (before->nrules != 1 || before->rules[0].users.count == 0)
			continue;
		initStringInfo(&text);
		castssl_hba_write_tokens(&text, &before->rules[0].users);
		after = text_policy(psprintf("local all %s trust", text.data), 15);
		if (!CHECK(castssl_hba_tokens_equal(before->rules[0].users, after->rules[0].users)))
			printf("  %.*s became %s\n", length, source, text.data);
	}
}

static void
test_address(void)
{
	CastsslHbaAddress none = { .kind = CASTSSL_HBA_ADDRESS_NONE };
	StringInfoData nothing;
	static const char *const fields[] = { "all",
										  "samenet",
										  "samehost",
										  "\"all\"",
										  "example.org",
										  "10.0.0.0 255.0.0.0",
										  "2001:db8:: ffff:ffff::" };

	initStringInfo(&nothing);
	castssl_hba_write_address(&nothing, &none);
	CHECK_STRING(nothing.data, "");
	for (int i = 0; i < lengthof(fields); i++)
	{
		CastsslHbaPolicy *policy = text_policy(psprintf("host all all %s trust", fields[i]), 15);
		StringInfoData text;

		initStringInfo(&text);
		castssl_hba_write_address(&text, &policy->rules[0].address);
		CHECK_STRING(text.data, fields[i]);
	}
}

int
main(void)
{
	test_format();
	test_many();
	test_parse_text();
	test_problems();
	test_tokens();
	test_address();
	return check_summary();
}
