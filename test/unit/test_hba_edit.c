/*
 * test_hba_edit.c
 *		Rendering edits, the edits of castssl_hba_require, and taking them back.
 */
#include "postgres_fe.h"

#include "check.h"
#include "hba/edit/require.h"
#include "hba/edit/rewrite.h"
#include "reader.h"

#define SCRAM " all all 10.0.0.0/8 scram-sha-256"

static CastsslFindings findings;

/* The text after the edits of castssl_hba_require; NULL if it adds an error finding. */
static char *
require_with(const char *text, int version, const CastsslHbaWanted *wanted)
{
	CastsslHbaPolicy *policy = text_policy(text, version);
	CastsslHbaEdits edits = { 0 };
	char *result;
	size_t length;

	findings = (CastsslFindings){ 0 };
	castssl_hba_require(policy, wanted, &edits, &findings);
	if (castssl_finding_first(&findings, CASTSSL_ERROR))
		return NULL;
	result = castssl_hba_render(policy, 0, &edits, &length);
	CHECK_INT(strlen(result), length);
	return result;
}

static char *
undone(const char *text, int version)
{
	CastsslHbaPolicy *policy = text_policy(text, version);
	CastsslHbaEdits edits = { 0 };
	size_t length;

	castssl_hba_undo(policy, &edits, NULL);
	CHECK_INT(castssl_hba_is_marked(policy), edits.count > 0);
	return castssl_hba_render(policy, 0, &edits, &length);
}

/*
 * castssl_hba_require gives the expected text, changes nothing when it is called again, and
 * castssl_hba_undo gives back the original (as repaired).
 */
static void
check_require(const char *text, int version, const CastsslHbaWanted *wanted, const char *expected,
			  const char *repaired, int line)
{
	char *result = require_with(text, version, wanted);
	CastsslHbaPolicy *policy;

	if (!check_string(result, expected, "require", __FILE__, line) || result == NULL)
		return;
	policy = text_policy(result, version);
	for (int i = 0; i < policy->nrules; i++)
		check_string(policy->rules[i].error, NULL, "error of a rule", __FILE__, line);
	check_string(require_with(result, version, wanted), expected, "require again", __FILE__, line);
	check_string(undone(result, version), repaired, "undo", __FILE__, line);
}

#define CHECK_REQUIRE(text, wanted, expected)                                                      \
	check_require(text, 15, &wanted, expected, text, __LINE__)

static const CastsslHbaWanted nothing = { .clientcert = CASTSSL_CLIENTCERT_NONE };
static const CastsslHbaWanted keep = { .clientcert = CASTSSL_CLIENTCERT_VERIFY_CA };
static const CastsslHbaWanted keep_full = { .clientcert = CASTSSL_CLIENTCERT_VERIFY_FULL };
static const CastsslHbaWanted block = { .clientcert = CASTSSL_CLIENTCERT_VERIFY_CA,
										.block_plaintext = true };
static const CastsslHbaWanted block_gss = { .clientcert = CASTSSL_CLIENTCERT_VERIFY_CA,
											.block_plaintext = true,
											.gss_possible = true };
static const CastsslHbaWanted block_only = { .block_plaintext = true };

static void
test_keep(void)
{
	CHECK_REQUIRE("host" SCRAM "\n", keep,
				  "hostssl" SCRAM " clientcert=verify-ca # castssl\nhost" SCRAM "\n");
	CHECK_REQUIRE("hostnogssenc" SCRAM "\n", keep,
				  "hostssl" SCRAM " clientcert=verify-ca # castssl\nhostnogssenc" SCRAM "\n");
	CHECK_REQUIRE("hostnossl" SCRAM "\n", keep, "hostnossl" SCRAM "\n");
	CHECK_REQUIRE("hostgssenc" SCRAM "\n", keep, "hostgssenc" SCRAM "\n");
	CHECK_REQUIRE("local all all peer\n", keep, "local all all peer\n");
	CHECK_REQUIRE("host all all all reject\n", keep, "host all all all reject\n");
	CHECK_REQUIRE("hostssl all all all reject\n", keep, "hostssl all all all reject\n");
	CHECK_REQUIRE("hostssl" SCRAM "\n", keep,
				  "hostssl" SCRAM " clientcert=verify-ca # castssl\n#castssl# hostssl" SCRAM "\n");
	CHECK_REQUIRE("hostssl all all all cert map=m\n", keep_full,
				  "hostssl all all all cert map=m\n");
	CHECK_REQUIRE("hostssl" SCRAM " clientcert=verify-full\n", keep,
				  "hostssl" SCRAM " clientcert=verify-full\n");
	CHECK_REQUIRE("hostssl" SCRAM " clientcert=verify-ca\n", keep_full,
				  "hostssl" SCRAM " clientcert=verify-full # castssl\n"
				  "#castssl# hostssl" SCRAM " clientcert=verify-ca\n");
	CHECK_REQUIRE("host" SCRAM "\n", nothing, "host" SCRAM "\n");
	CHECK_REQUIRE("", keep, "");
}

static void
test_block(void)
{
	CHECK_REQUIRE("host" SCRAM "\n", block,
				  "hostssl" SCRAM " clientcert=verify-ca # castssl\n#castssl# host" SCRAM "\n");
	CHECK_REQUIRE("host" SCRAM "\n", block_gss,
				  "hostssl" SCRAM " clientcert=verify-ca # castssl\n"
				  "hostgssenc" SCRAM " # castssl\n#castssl# host" SCRAM "\n");
	CHECK_REQUIRE("hostnogssenc" SCRAM "\n", block_gss,
				  "hostssl" SCRAM " clientcert=verify-ca # castssl\n"
				  "#castssl# hostnogssenc" SCRAM "\n");
	CHECK_REQUIRE("hostnossl" SCRAM "\n", block, "#castssl# hostnossl" SCRAM "\n");
	CHECK_REQUIRE("hostnossl" SCRAM "\n", block_gss,
				  "hostgssenc" SCRAM " # castssl\n#castssl# hostnossl" SCRAM "\n");
	CHECK_REQUIRE("hostnossl all all all reject\nlocal all all trust\n", block_gss,
				  "hostnossl all all all reject\nlocal all all trust\n");
	CHECK_REQUIRE("host" SCRAM "\n", block_only,
				  "hostssl" SCRAM " # castssl\n#castssl# host" SCRAM "\n");
	CHECK_REQUIRE("hostssl" SCRAM "\n", block_only, "hostssl" SCRAM "\n");
}

/* The file of older documentation: hostssl below host, and clientcert=1. */
static void
test_older_documentation(void)
{
	const char *text = "local   all all              peer\n"
					   "host    all all 127.0.0.1/32 scram-sha-256\n"
					   "host    all all 0.0.0.0/0    scram-sha-256\n"
					   "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=1\n"
					   "hostssl all all 0.0.0.0/0    scram-sha-256 clientcert=1\n"
					   "host    all all ::1/128      scram-sha-256\n"
					   "hostssl all all ::1/128      scram-sha-256 clientcert=1\n";
	const char *repaired = "local   all all              peer\n"
						   "host    all all 127.0.0.1/32 scram-sha-256\n"
						   "host    all all 0.0.0.0/0    scram-sha-256\n"
						   "hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
						   "hostssl all all 0.0.0.0/0    scram-sha-256 clientcert=verify-ca\n"
						   "host    all all ::1/128      scram-sha-256\n"
						   "hostssl all all ::1/128      scram-sha-256 clientcert=verify-ca\n";
	const char *expected =
		"local   all all              peer\n"
		"hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca # castssl\n"
		"host    all all 127.0.0.1/32 scram-sha-256\n"
		"hostssl all all 0.0.0.0/0    scram-sha-256 clientcert=verify-ca # castssl\n"
		"host    all all 0.0.0.0/0    scram-sha-256\n"
		"hostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n"
		"hostssl all all 0.0.0.0/0    scram-sha-256 clientcert=verify-ca\n"
		"hostssl all all ::1/128      scram-sha-256 clientcert=verify-ca # castssl\n"
		"host    all all ::1/128      scram-sha-256\n"
		"hostssl all all ::1/128      scram-sha-256 clientcert=verify-ca\n";

	for (int version = 14; version <= CASTSSL_NEWEST_MAJOR; version++)
		check_require(text, version, &keep, expected, repaired, __LINE__);
}

static void
check_repair(const char *text, const char *repaired, int line)
{
	check_require(text, 15, &nothing, repaired, repaired, line);
}

static void
test_repair(void)
{
	const char *text = "hostssl all all all md5 clientcert=0\n";

#define REPAIR(options, wanted)                                                                    \
	check_repair("hostssl all all all " options "\n", "hostssl all all all " wanted "\n", __LINE__)

	REPAIR("md5 clientcert=1", "md5 clientcert=verify-ca");
	REPAIR("md5  \"clientcert=1\" # x", "md5  clientcert=verify-ca # x");
	REPAIR("md5  clientcert=0", "md5");
	REPAIR("md5 clientcert=no-verify\t# x", "md5\t# x");
	REPAIR("md5 clientcert=0#x", "md5#x");
	REPAIR("md5 clientcert=0,clientname=DN", "md5 clientname=DN");
	REPAIR("md5 clientname=DN,clientcert=0", "md5 clientname=DN,");
	REPAIR("md5 clientname=DN clientcert=0,clientname=CN", "md5 clientname=DN clientname=CN");
	REPAIR("md5 clientcert=0, clientname=DN", "md5  clientname=DN");
	REPAIR("md5 clientcert=0 clientcert=1", "md5 clientcert=verify-ca");
	REPAIR("cert clientcert=1", "cert clientcert=verify-full");
	REPAIR("cert clientcert=0", "cert");
	check_repair("\thostssl all \\\n all all md5 \\\n clientcert=0 clientname=CN\n",
				 "\thostssl all \\\n all all md5 \\\n clientname=CN\n", __LINE__);
	check_repair("hostssl all all all md5 \\\r\nclientcert=1\r\n",
				 "hostssl all all all md5 \\\r\nclientcert=verify-ca\r\n", __LINE__);

	/* a repaired line that requires too little is disabled in its repaired form */
	check_require(text, 15, &keep,
				  "hostssl all all all md5 clientcert=verify-ca # castssl\n"
				  "#castssl# hostssl all all all md5\n",
				  "hostssl all all all md5\n", __LINE__);
	check_require("hostssl all all all md5 clientcert=1\n", 15, &keep_full,
				  "hostssl all all all md5 clientcert=verify-full # castssl\n"
				  "#castssl# hostssl all all all md5 clientcert=verify-ca\n",
				  "hostssl all all all md5 clientcert=verify-ca\n", __LINE__);

	/* 13 accepts these values, but the file must survive an upgrade */
	check_require("hostssl all all all md5 clientcert=1\n", 13, &keep,
				  "hostssl all all all md5 clientcert=verify-ca\n",
				  "hostssl all all all md5 clientcert=verify-ca\n", __LINE__);
	check_require(text, 13, &keep,
				  "hostssl all all all md5 clientcert=verify-ca # castssl\n#castssl# hostssl all "
				  "all all md5\n",
				  "hostssl all all all md5\n", __LINE__);
}

/* Lines with other errors, comments and directives stay unchanged. */
static void
test_unchanged_lines(void)
{
	const char *faults[] = {
		"host all all all md5 clientcert=1\n",    "hostssl all all all md5 clientcert=1 foo=bar\n",
		"hostssl all all all md5 clientcert=2\n", "hostssl all all all cert clientcert=verify-ca\n",
		"host all all 10.0.0.0/33 md5\n",         "host all all\n",
		"\xef\xbb\xbfhost all all all md5\n",     "# host all all all md5\n",
		"#castssl#host all all all md5\n",        "nonsense\n"
	};

	for (int i = 0; i < lengthof(faults); i++)
		CHECK_STRING(require_with(faults[i], 15, &block_gss), faults[i]);
	CHECK_STRING(require_with("include x\n", 15, &block), "include x\n");
}

static void
test_bytes_stay(void)
{
	/* CRLF, tabs, comments, order, no last newline */
	CHECK_REQUIRE(
		"# top\r\n\r\nhost\tall\tall\t10.0.0.0/8\tmd5\t# why\r\n", keep,
		"# top\r\n\r\nhostssl\tall\tall\t10.0.0.0/8\tmd5 clientcert=verify-ca # castssl\r\n"
		"host\tall\tall\t10.0.0.0/8\tmd5\t# why\r\n");
	CHECK_REQUIRE("  host" SCRAM, block,
				  "  hostssl" SCRAM " clientcert=verify-ca # castssl\n#castssl#   host" SCRAM);
	CHECK_REQUIRE("local all all peer # b", nothing, "local all all peer # b");
	/* quotes, lists, groups, names of files */
	CHECK_REQUIRE(
		"host \"a b\",+g , \"u\"\"x\" samenet ident map=m#x\n", keep,
		"hostssl \"a b\",+g , \"u\"\"x\" samenet ident map=m clientcert=verify-ca # castssl\n"
		"host \"a b\",+g , \"u\"\"x\" samenet ident map=m#x\n");
	/* a separate mask, a host name, a quote that is never closed */
	CHECK_REQUIRE("host all all 10.0.0.0 255.0.0.0 md5\n", keep,
				  "hostssl all all 10.0.0.0 255.0.0.0 md5 clientcert=verify-ca # castssl\n"
				  "host all all 10.0.0.0 255.0.0.0 md5\n");
	CHECK_REQUIRE("host all all .example.org \"md5\n", keep,
				  "hostssl all all .example.org \"md5\" clientcert=verify-ca # castssl\n"
				  "host all all .example.org \"md5\n");
	/* joined lines become one */
	CHECK_REQUIRE("host all \\\n  all \\\n all md5 # x \\\n y\nlocal all all peer\n", block,
				  "hostssl all all all md5 clientcert=verify-ca # castssl\n"
				  "#castssl# host all \\\n  all \\\n all md5 # x \\\n y\nlocal all all peer\n");
	/* "host" in quotes */
	CHECK_REQUIRE(
		"\"host\" all all all md5\n", keep,
		"hostssl all all all md5 clientcert=verify-ca # castssl\n\"host\" all all all md5\n");
}

/* The columns of a twin are aligned with those of the line, if there are enough blanks. */
static void
test_columns_stay(void)
{
	static const struct
	{
		const char *line;
		const char *twin;
	} lines[] = {
		{ "host    all  all  ::/0     md5", "hostssl all  all  ::/0     md5" },
		{ "host      all  all  all  md5", "hostssl   all  all  all  md5" },
		{ "hostnogssenc   all  all  all  md5", "hostssl        all  all  all  md5" },
		/* too few blanks: the next columns give theirs */
		{ "host   all  all  all  md5", "hostssl all all  all  md5" },
		{ "host  all     \"x\"  all  md5", "hostssl all   \"x\"  all  md5" },
		{ "host  all all  all  md5", "hostssl all all all md5" },
		/* a single space separates no columns */
		{ "host all   all all md5", "hostssl all all all md5" },
		{ "host all all all md5", "hostssl all all all md5" },
		/* a tab leads to the next multiple of eight */
		{ "host\tall\tall\tall\tmd5", "hostssl\tall\tall\tall\tmd5" },
		{ "host\t\tall\tall\tall\tmd5", "hostssl\t\tall\tall\tall\tmd5" },
		{ "host    \tall\tall\tall\tmd5", "hostssl    \tall\tall\tall\tmd5" },
		{ "host   \tall\tall\tall\tmd5", "hostssl\tall\tall\tall\tmd5" },
		{ "host\t  all\tall\tall\tmd5", "hostssl\t  all\tall\tall\tmd5" },
		{ "hostnogssenc\tall\tall\tall\tmd5", "hostssl\t\tall\tall\tall\tmd5" },
		{ "hostnogssenc \tall\tall\tall\tmd5", "hostssl \tall\tall\tall\tmd5" },
		/* blanks before the line, quotes, an address in two fields, a comment after it */
		{ "  host    all  all  ::1/128  md5", "  hostssl all  all  ::1/128  md5" },
		{ "\thost\tall\tall\tall\tmd5", "\thostssl\tall\tall\tall\tmd5" },
		{ "host    \"a  b\",c   \"+ d\"  fe80::   ffff::  md5   #  x",
		  "hostssl \"a  b\",c   \"+ d\"  fe80::   ffff::  md5" },
	};
	static const char *const gss[][2] = {
		{ "hostnossl   all  all  ::/0  md5", "hostgssenc  all  all  ::/0  md5" },
		{ "hostnossl all  all  all   md5", "hostgssenc all all  all   md5" },
		{ "hostnossl\tall\tall\tall\tmd5", "hostgssenc\tall\tall\tall\tmd5" },
		{ "hostnossl      \tall\tall\tall\tmd5", "hostgssenc     \tall\tall\tall\tmd5" },
	};

	for (int i = 0; i < lengthof(lines); i++)
		CHECK_REQUIRE(
			lines[i].line, keep,
			psprintf("%s clientcert=verify-ca # castssl\n%s", lines[i].twin, lines[i].line));
	for (int i = 0; i < lengthof(gss); i++)
		CHECK_REQUIRE(gss[i][0], block_gss,
					  psprintf("%s # castssl\n#castssl# %s", gss[i][1], gss[i][0]));
}

static void
test_not_text(void)
{
	MemoryFile files[] = { { "/main", "host all all all md5\n\0x", 23 }, { NULL } };
	CastsslHbaEdits edits = { 0 };

	findings = (CastsslFindings){ 0 };
	castssl_hba_require(memory_policy(files, 15), &keep, &edits, &findings);
	CHECK_INT(edits.count, 0);
	CHECK(castssl_finding_first(&findings, CASTSSL_ERROR) != NULL);
	castssl_hba_undo(memory_policy(files, 15), &edits, NULL);
	CHECK_INT(edits.count, 0);
}

/* Rules that already require enough do not change. */
static void
test_strengthen(void)
{
	const char *ours = "hostssl" SCRAM " clientcert=verify-ca # castssl\nhost" SCRAM "\n";
	CastsslHbaEdits edits = { 0 };
	CastsslHbaEdits left = { 0 };

	/* ours and too weak: replaced in place */
	CHECK_STRING(require_with(ours, 15, &keep_full),
				 "hostssl" SCRAM " clientcert=verify-full # castssl\nhost" SCRAM "\n");
	/* ours and stronger: kept */
	CHECK_STRING(require_with("hostssl" SCRAM " clientcert=verify-full # castssl\nhost" SCRAM "\n",
							  15, &keep),
				 "hostssl" SCRAM " clientcert=verify-full # castssl\nhost" SCRAM "\n");
	/* first keep, then block, then all of it back */
	CHECK_STRING(require_with(ours, 15, &block_gss),
				 "hostssl" SCRAM " clientcert=verify-ca # castssl\nhostgssenc" SCRAM
				 " # castssl\n#castssl# host" SCRAM "\n");
	CHECK_STRING(undone(require_with(ours, 15, &block_gss), 15), "host" SCRAM "\n");
	/* the file already has a twin without our mark; a comment in between does not matter */
	CHECK_REQUIRE("hostssl" SCRAM " clientcert=verify-ca\n# x\n\nhost" SCRAM "\n", keep,
				  "hostssl" SCRAM " clientcert=verify-ca\n# x\n\nhost" SCRAM "\n");
	CHECK_REQUIRE("hostssl" SCRAM " clientcert=verify-ca\nhost" SCRAM "\n", block,
				  "hostssl" SCRAM " clientcert=verify-ca\n#castssl# host" SCRAM "\n");
	/* another rule in between does matter */
	CHECK_REQUIRE("hostssl" SCRAM " clientcert=verify-ca\nlocal all all peer\nhost" SCRAM "\n",
				  keep,
				  "hostssl" SCRAM " clientcert=verify-ca\nlocal all all peer\n"
				  "hostssl" SCRAM " clientcert=verify-ca # castssl\nhost" SCRAM "\n");
	/* nor a line for GSSAPI with the same fields; then the line comes back as well */
	CHECK_REQUIRE(
		"hostssl" SCRAM " clientcert=verify-ca\nhostgssenc" SCRAM "\nhost" SCRAM "\n", block,
		"hostssl" SCRAM " clientcert=verify-ca\nhostgssenc" SCRAM "\n#castssl# host" SCRAM "\n");
	CHECK_STRING(undone("hostssl" SCRAM "\nhostgssenc" SCRAM "\n#castssl# host" SCRAM "\n", 15),
				 "hostssl" SCRAM "\nhostgssenc" SCRAM "\nhost" SCRAM "\n");
	/* the twin without our mark requires no certificate yet */
	CHECK_REQUIRE("hostssl" SCRAM "\nhost" SCRAM "\n", keep,
				  "hostssl" SCRAM " clientcert=verify-ca # castssl\n#castssl# hostssl" SCRAM
				  "\nhost" SCRAM "\n");
	/* a line in between that the server refuses: the disabled one is named and left */
	castssl_hba_undo(text_policy("hostssl" SCRAM "\nhost all all\n#castssl# host" SCRAM "\n", 15),
					 &edits, &left);
	CHECK_INT(edits.count, 0);
	CHECK_INT(left.count, 1);
	CHECK_INT(left.items[0].line_number, 3);
	CHECK_STRING(undone("hostssl" SCRAM "\n#castssl# host" SCRAM "\nhost all all\n", 15),
				 "hostssl" SCRAM "\nhost" SCRAM "\nhost all all\n");
	/* comments that only look like our mark */
	CHECK_STRING(
		undone("host all all all md5 # castssl\n#castssl #x\nhostssl all all all md5 # x # "
			   "castssl\n",
			   15),
		"host all all all md5 # castssl\n#castssl #x\nhostssl all all all md5 # x # "
		"castssl\n");
}

static void
test_method(void)
{
	CastsslHbaWanted wanted = { .clientcert = CASTSSL_CLIENTCERT_VERIFY_CA, .auth_method = "cert" };

	CHECK_REQUIRE("host all all all scram-sha-256\n", wanted,
				  "hostssl all all all cert # castssl\nhost all all all scram-sha-256\n");
	CHECK_REQUIRE("host all all all ldap ldapserver=x \"ldapprefix=a b\"\n", wanted,
				  "hostssl all all all cert # castssl\n"
				  "host all all all ldap ldapserver=x \"ldapprefix=a b\"\n");
	CHECK_REQUIRE("hostssl all all all ident map=m clientname=DN\n", wanted,
				  "hostssl all all all cert map=m clientname=DN # castssl\n"
				  "#castssl# hostssl all all all ident map=m clientname=DN\n");
	CHECK_STRING(
		require_with("hostssl all all all md5 clientcert=verify-ca # castssl\nhost all all "
					 "all md5\n",
					 15, &wanted),
		"hostssl all all all cert # castssl\nhost all all all md5\n");

	wanted.auth_method = "scram-sha-256";
	CHECK_REQUIRE("host all all all ident map=m\nhostssl all all all cert\n", wanted,
				  "hostssl all all all scram-sha-256 clientcert=verify-ca # castssl\n"
				  "host all all all ident map=m\nhostssl all all all scram-sha-256 "
				  "clientcert=verify-full # castssl\n"
				  "#castssl# hostssl all all all cert\n");
	/* a line of ours with method cert keeps verify-full with another method */
	CHECK_STRING(require_with("hostssl all all all cert # castssl\n", 15, &wanted),
				 "hostssl all all all scram-sha-256 clientcert=verify-full # castssl\n");

	/* methods for which no valid line can be written */
	CHECK_STRING((wanted.auth_method = "peer", require_with("host all all all md5\n", 15, &wanted)),
				 NULL);
	CHECK_STRING((wanted.auth_method = "ldap", require_with("host all all all md5\n", 15, &wanted)),
				 NULL);
	CHECK_STRING(
		(wanted.auth_method = "oauth", require_with("host all all all md5\n", 17, &wanted)), NULL);
	CHECK_STRING((wanted.auth_method = "sspi", require_with("host all all all md5\n", 15, &wanted)),
				 NULL);
	CHECK_STRING((wanted.auth_method = "x\ny", require_with("host all all all md5\n", 15, &wanted)),
				 NULL);
}

static char *
require_addresses(const char *text, const char **addresses, int count)
{
	CastsslHbaWanted wanted = { .clientcert = CASTSSL_CLIENTCERT_VERIFY_CA,
								.addresses = addresses,
								.naddresses = count };
	char *result = require_with(text, 15, &wanted);

	if (result)
	{
		CastsslFindings first = findings;

		CHECK_STRING(require_with(result, 15, &wanted), result);
		CHECK_STRING(undone(result, 15), text);
		findings = first;
	}
	return result;
}

static char *
require_address(const char *text, const char *address)
{
	return require_addresses(text, &address, 1);
}

#define ADDED(address) "hostssl all all " address " scram-sha-256 clientcert=verify-ca # castssl"

static void
test_addresses(void)
{
	const char *several[] = { "0.0.0.0/0", "10.0.0.0/8", "::/0", "10.9.9.9/8", "10.1.0.0/16" };

	CHECK_STRING(require_address("", "10.0.0.0/8"), ADDED("10.0.0.0/8") "\n");
	CHECK_STRING(require_address("local all all peer\n", "127.0.0.1"),
				 "local all all peer\n" ADDED("127.0.0.1/32") "\n");
	CHECK_STRING(require_address("local all all peer", "::1"),
				 "local all all peer\n" ADDED("::1/128"));
	CHECK_STRING(require_address("local all all peer\r\n#x", "samenet"),
				 "local all all peer\r\n#x\r\n" ADDED("samenet"));
	CHECK_STRING(require_address("local all all peer\r", "all"),
				 "local all all peer\r\r\n" ADDED("all"));
	CHECK_STRING(require_address("local all all peer\n", ".example.org"),
				 "local all all peer\n" ADDED(".example.org") "\n");

	/* above the rule that matches all of the address, below a reject for a part of it */
	CHECK_STRING(
		require_address("host all bad all reject\nhostssl all all all cert\n", "10.0.0.0/8"),
		"host all bad all reject\n" ADDED("10.0.0.0/8") "\nhostssl all all all cert\n");
	CHECK_STRING(require_address("host all all 10.1.0.0/16 reject\n", "10.0.0.0/8"),
				 "host all all 10.1.0.0/16 reject\n" ADDED("10.0.0.0/8") "\n");
	CHECK_STRING(require_address("host all all 0.0.0.0/0 reject\n", "10.0.0.0/8"), NULL);
	CHECK_STRING(findings.items[0].detail, "Line 1 of \"/main\" rejects these clients.");
	CHECK_STRING(require_address("hostnossl all all all reject\n", "10.0.0.0/8"),
				 "hostnossl all all all reject\n" ADDED("10.0.0.0/8") "\n");

	/* the address has a rule already, or gets one as a twin */
	CHECK_STRING(require_address("hostssl all all 10.0.0.0/8 cert\n", "10.0.0.0/8"),
				 "hostssl all all 10.0.0.0/8 cert\n");
	CHECK_STRING(require_address("host all all 10.0.0.0/8 md5\n", "10.0.0.0/8"),
				 "hostssl all all 10.0.0.0/8 md5 clientcert=verify-ca # castssl\n"
				 "host all all 10.0.0.0/8 md5\n");
	/* an unreachable rule for the address does not count */
	CHECK_STRING(
		require_address("host all all 0.0.0.0/0 md5\nhostssl all all 10.0.0.0/8 cert\n",
						"10.0.0.0/8"),
		ADDED("10.0.0.0/8") "\n"
							"hostssl all all 0.0.0.0/0 md5 clientcert=verify-ca # castssl\n"
							"host all all 0.0.0.0/0 md5\nhostssl all all 10.0.0.0/8 cert\n");

	/* several addresses: narrow ones before wide ones, equal ones only once */
	CHECK_STRING(require_addresses("local all all peer\n", several, lengthof(several)),
				 "local all all peer\n" ADDED("10.1.0.0/16") "\n" ADDED("10.0.0.0/8") "\n" ADDED(
					 "0.0.0.0/0") "\n" ADDED("::/0") "\n");
	CHECK_INT(findings.count, 1);
	CHECK_STRING(findings.items[0].detail, "The server reads it as 10.0.0.0/8.");
	CHECK_INT(findings.items[0].severity, CASTSSL_WARNING);
}

/* No hint to paste with the name of a file that cannot be pasted. */
static void
test_rejected_in_unseen_file(void)
{
	const char *address = "10.0.0.0/8";
	CastsslHbaWanted wanted = { .clientcert = CASTSSL_CLIENTCERT_VERIFY_CA,
								.addresses = &address,
								.naddresses = 1 };
	const char *paths[] = { "/d/a.conf", "/d/a\nb.conf" };

	for (int i = 0; i < lengthof(paths); i++)
	{
		MemoryFile files[] = { { paths[i], "host all all all reject\n" }, { NULL } };
		CastsslHbaEdits edits = { 0 };

		findings = (CastsslFindings){ 0 };
		castssl_hba_require(memory_policy(files, 15), &wanted, &edits, &findings);
		CHECK_INT(findings.count, 1);
		CHECK_STRING(findings.items[0].message,
					 "a rule for address \"10.0.0.0/8\" would never be reached");
		CHECK_STRING(findings.items[0].hint,
					 i == 0 ? "Leave the address out.  Or, to admit these clients anyway: SELECT "
							  "castssl_hba_add(rule => 'hostssl all all 10.0.0.0/8 scram-sha-256 "
							  "clientcert=verify-ca', before_line => 1, before_rule => 'host all "
							  "all all reject'); SELECT * FROM "
							  "castssl_hba_apply(confirm_within => '10 min');"
							: "Leave the address out.");
	}
}

static void
test_bad_addresses(void)
{
	const char *bad[] = { "",          "10.0.0.0/33", "10.0.0.300",  "10.0.0.0/8/8",
						  "a b",       "a,b",         "x\ny",        "\"all\"",
						  "host/24",   "1:2:3",       "10.0.0.0/+x", "*",
						  "1.2.3.4.5", "::/129",      "#",           "@file",
						  "." };

	for (int i = 0; i < lengthof(bad); i++)
	{
		CHECK_STRING(require_address("", bad[i]), NULL);
		CHECK_STRING(findings.items[0].check, "hba_address");
	}
	CHECK_STRING(require_address("local all all peer \\", "10.0.0.0/8"), NULL);
}

/* Rules in included files are edited there, and only once if a file is included twice. */
static void
test_includes(void)
{
	MemoryFile files[] = { { "/d/main", "include sub\nhost all all all md5\ninclude sub\n" },
						   { "/d/sub", "host a all all md5\nhost @names all all md5" },
						   { "/d/names", "x y" },
						   { NULL } };
	CastsslHbaPolicy *policy = memory_policy(files, 16);
	CastsslHbaEdits edits = { 0 };
	size_t length;

	findings = (CastsslFindings){ 0 };
	castssl_hba_require(policy, &block, &edits, &findings);
	CHECK_INT(findings.count, 0);
	CHECK_INT(policy->nfiles, 2);
	CHECK_INT(policy->nrules, 5);
	CHECK_STRING(castssl_hba_render(policy, 0, &edits, &length),
				 "include sub\nhostssl all all all md5 clientcert=verify-ca # castssl\n"
				 "#castssl# host all all all md5\ninclude sub\n");
	CHECK_STRING(castssl_hba_render(policy, 1, &edits, &length),
				 "hostssl a all all md5 clientcert=verify-ca # castssl\n"
				 "#castssl# host a all all md5\n"
				 "hostssl @names all all md5 clientcert=verify-ca # castssl\n"
				 "#castssl# host @names all all md5");
}

/* Fields from @files: if their places in the line are unknown, their values are written out. */
static void
test_fields_from_files(void)
{
	MemoryFile files[] = { { "/main", "@t all all all md5\n"
									  "host @db,a @u @a ident @o\n"
									  "@none host all all 10.0.0.0 255.0.255.0 md5\n"
									  "host @none all all 127.0.0.1/32 md5\n"
									  "host all all all ident @o\n" },
						   { "/t", "host" },
						   { "/db", "\"all\" +x" },
						   { "/u", "\"u v\"\n\"@w\"" },
						   { "/a", "10.0.0.0/8" },
						   { "/o", "\"map=a b\"" },
						   { "/none", "# nothing\n" },
						   { NULL } };
	CastsslHbaPolicy *policy = memory_policy(files, 15);
	CastsslHbaEdits edits = { 0 };
	CastsslHbaWanted wanted = keep;
	char *problem = NULL;

	findings = (CastsslFindings){ 0 };
	castssl_hba_require(policy, &keep, &edits, &findings);
	CHECK_INT(edits.count, 5);
	CHECK_STRING(edits.items[0].text, "hostssl all all all md5 clientcert=verify-ca # castssl");
	CHECK_STRING(edits.items[1].text,
				 "hostssl \"all\",+x,a \"u v\",\"@w\" 10.0.0.0 255.0.0.0 ident "
				 "\"map=a b\" clientcert=verify-ca # castssl");
	CHECK_STRING(edits.items[2].text,
				 "hostssl all all 10.0.0.0 255.0.255.0 md5 clientcert=verify-ca # castssl");
	CHECK_STRING(edits.items[3].text,
				 "hostssl all all 127.0.0.1 255.255.255.255 md5 clientcert=verify-ca # castssl");
	CHECK_STRING(edits.items[4].text,
				 "hostssl all all all ident \"map=a b\" clientcert=verify-ca # castssl");

	/* options that another method does not accept are dropped */
	wanted.auth_method = "scram-sha-256";
	edits.count = 0;
	castssl_hba_require(policy, &wanted, &edits, &findings);
	CHECK_INT(findings.count, 0);
	CHECK_STRING(edits.items[4].text,
				 "hostssl all all all scram-sha-256 clientcert=verify-ca # castssl");
	CHECK_STRING(castssl_hba_rewrite(policy, &policy->rules[0], CASTSSL_HBA_HOSTSSL,
									 CASTSSL_CLIENTCERT_NONE, "nonsense", &problem),
				 NULL);
	CHECK_STRING(problem, "invalid authentication method \"nonsense\"");
}

/* A record that is not a whole line is not edited. */
static void
test_not_a_whole_line(void)
{
	CastsslHbaEdits edits = { 0 };
	CastsslHbaPolicy *policy;
	StringInfoData text;
	MemoryFile files[] = { { NULL } };
	CastsslHbaReader reader = { .read = memory_read, .locate = reader_locate, .arg = files };

	/* in 13 the end of a line that is too long is a record of its own */
	initStringInfo(&text);
	for (int i = 0; i < 20479; i++)
		appendStringInfoChar(&text, '#');
	appendStringInfoString(&text, "host all all all md5\n");
	findings = (CastsslFindings){ 0 };
	castssl_hba_require(text_policy(text.data, 13), &keep, &edits, &findings);
	CHECK_INT(edits.count, 0);
	/* the error that a file cannot be read belongs to no line */
	policy = castssl_hba_policy_read("/nowhere", &reader, 15);
	CHECK_INT(policy->rules[0].record, -1);
	castssl_hba_require(policy, &keep, &edits, &findings);
	CHECK_INT(edits.count, 0);
}

static char *
render_one(const char *text, CastsslHbaEditKind kind, int record, const char *line)
{
	CastsslHbaEdits edits = { 0 };
	size_t length;

	castssl_hba_edit_add(&edits, CASTSSL_HBA_REMOVE, 1, 0, 1, NULL, "of another file");
	castssl_hba_edit_add(&edits, kind, 0, record, 0, line, "test");
	return castssl_hba_render(text_policy(text, 15), 0, &edits, &length);
}

static void
test_render(void)
{
	CHECK_STRING(render_one("a\nb\n", CASTSSL_HBA_INSERT, 1, "x"), "a\nx\nb\n");
	CHECK_STRING(render_one("a\r\nb\n", CASTSSL_HBA_INSERT, 1, "x"), "a\r\nx\r\nb\n");
	CHECK_STRING(render_one("a\nb\r\n", CASTSSL_HBA_INSERT, 0, "x"), "x\na\nb\r\n");
	CHECK_STRING(render_one("a\nb\n", CASTSSL_HBA_INSERT, 2, "x"), "a\nb\nx\n");
	CHECK_STRING(render_one("a\nb", CASTSSL_HBA_INSERT, 2, "x"), "a\nb\nx");
	CHECK_STRING(render_one("a\nb\\", CASTSSL_HBA_INSERT, 2, "x"), "a\nb\\\n\nx\n");
	CHECK_STRING(render_one("a\nb\\\n", CASTSSL_HBA_INSERT, 2, "x"), "a\nb\\\n\nx\n");
	CHECK_STRING(render_one("a\nb", CASTSSL_HBA_REMOVE, 1, NULL), "a");
	CHECK_STRING(render_one("a\nb", CASTSSL_HBA_REMOVE, 0, NULL), "b");
	CHECK_STRING(render_one("a", CASTSSL_HBA_REMOVE, 0, NULL), "");
	CHECK_STRING(render_one("a\r\nb\n", CASTSSL_HBA_REPLACE, 0, "x"), "x\r\nb\n");
	CHECK_STRING(render_one("a\\\nb\nc", CASTSSL_HBA_REPLACE, 0, "x"), "x\nc");
	CHECK_STRING(render_one("a", CASTSSL_HBA_DISABLE, 0, NULL), "#castssl# a");
	CHECK_STRING(render_one("#castssl# a\n", CASTSSL_HBA_ENABLE, 0, NULL), "a\n");
	CHECK_STRING(render_one("# a\n", CASTSSL_HBA_ENABLE, 0, NULL), "# a\n");
}

int
main(void)
{
	test_keep();
	test_block();
	test_older_documentation();
	test_repair();
	test_unchanged_lines();
	test_bytes_stay();
	test_columns_stay();
	test_not_text();
	test_strengthen();
	test_method();
	test_addresses();
	test_rejected_in_unseen_file();
	test_bad_addresses();
	test_includes();
	test_fields_from_files();
	test_not_a_whole_line();
	test_render();
	return check_summary();
}
