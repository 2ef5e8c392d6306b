/*
 * test_hba_shown.c
 *		Rules as text for people: options and reasons, without secrets; and pg_ident.conf.
 */
#include "postgres_fe.h"

#include "check.h"
#include "hba/match/ident.h"
#include "hba/match/reason.h"
#include "hba/text/mask.h"
#include "hba/text/shown.h"
#include "reader.h"

static void
check_mask(const char *line, const char *wanted)
{
	CHECK_STRING(castssl_hba_mask(line, strlen(line)), wanted);
}

static void
check_error(const char *line, const char *error, const char *wanted)
{
	CHECK_STRING(castssl_hba_mask_error(error, line, strlen(line)), wanted);
}

static void
test_mask(void)
{
	check_mask("host all all all ldap ldapserver=x", "host all all all ldap ldapserver=x");
	check_mask("", "");
	/* every word is a valid option: only the secret is hidden */
	check_mask("host a b c ldap ldapbindpasswd=s map=1",
			   "host a b c ldap ldapbindpasswd=*** map=1");
	check_mask("local a b ldap \"ldapbindpasswd=s t\" map=x",
			   "local a b ldap ldapbindpasswd=*** map=x");
	check_mask("x ldapbind\"passwd\"=s map=y", "x ldapbindpasswd=*** map=y");
	check_mask("x radiussecrets=\"\"\"a b\"\",\"\"c\"\"\" map=2", "x radiussecrets=*** map=2");
	check_mask("x ldapbindpasswd=", "x ldapbindpasswd=***");
	check_mask("x ldapbindpasswd=a#b", "x ldapbindpasswd=******");
	check_mask("x ldapbindpasswd=\"a#b\" # c", "x ldapbindpasswd=*** ***");
	check_mask("x ldapbindpasswd=a # castssl", "x ldapbindpasswd=*** # castssl");
	check_mask("x ldapbindpasswd=\"never closed # x", "x ldapbindpasswd=***");
	/* misspelt options, or those of a validator, may be secret */
	check_mask("host a b c ldap lpadbinpaswd=s map=1", "host a b c ldap lpadbinpaswd=***");
	check_mask("host a b c ldap LDAPBINDPASSWD=s", "host a b c ldap LDAPBINDPASSWD=***");
	check_mask("host a b c oauth validator.secret=s", "host a b c oauth validator.secret=***");
	/* one word is not an option: everything is hidden from the first such word or secret on */
	check_mask("host a b c ldap map=1 ldapbindpasswd=s t map=2",
			   "host a b c ldap map=1 ldapbindpasswd=***");
	check_mask("host a b c ldap ldapbindpasswd = s # c", "host a b c ldap ***");
	check_mask("host a b c ldap map=1 s t", "host a b c ldap map=1 ***");
	check_mask("host a b c radius radiussecrets=a,b,c map=2",
			   "host a b c radius radiussecrets=***");
	check_mask("host a b c radius radiussecrets=a, b map=2", "host a b c radius radiussecrets=***");
	/* in lines that are no rules */
	check_mask("host a b c lap ldapbindpasswd=s", "host a b c lap ldapbindpasswd=***");
	check_mask("host a b c lap ldapbindpasswd = s", "host a b c lap ***");
	check_mask("host a b ldap ldapbindpasswd=s t", "host a b ldap ldapbindpasswd=***");
	check_mask("host ldapbindpasswd=s ldap", "host ldapbindpasswd=***");
	check_mask("ldapbindpasswd=s", "ldapbindpasswd=***");
	/* names, files and prose are not secrets */
	check_mask("host secrets passwords 10.0.0.0/8 md5", "host secrets passwords 10.0.0.0/8 md5");
	check_mask("host ldap ldap 10.0.0.0/8 ldap map=x", "host ldap ldap 10.0.0.0/8 ldap map=x");
	check_mask("host a=b c=d 10.0.0.0/8 md5", "host a=b c=d 10.0.0.0/8 md5");
	check_mask("include secrets=x.conf", "include secrets=x.conf");
	check_mask("host a b c ldap @options", "host a b c ldap @options");
	check_mask("# a password, and options as NAME=VALUE",
			   "# a password, and options as NAME=VALUE");
	/* comments */
	check_mask("host a b c md5 # ldapbindpasswd=a b", "host a b c md5 # ldapbindpasswd=***");
	check_mask("# the Password = \"s\"", "# the Password =***");
	check_mask("# the ldapbindpasswd s", "# the ldapbindpasswd ***");
	check_mask("# the map x", "# the map x");
	check_mask("#castssl# host all all all ldap ldapbindpasswd=a b=c",
			   "#castssl# host all all all ldap ldapbindpasswd=***");
	check_mask("## hostssl all all all ldap lpadbnd=a # x",
			   "## hostssl all all all ldap lpadbnd=***");
	check_error("local a b ldap ldapbindpasswd=x a b=c",
				"unrecognized authentication option name: \"b\"",
				"unrecognized authentication option name: ***");
	check_error("local a b ldap b=c", "unrecognized authentication option name: \"b\"",
				"unrecognized authentication option name: \"b\"");
	check_error("local a b radius radiussecrets=x",
				"could not parse RADIUS secret list \"a \"ldap\" b\"",
				"could not parse RADIUS secret list \"***\"");
	check_error("local a b ldap @x", "option \"ldapserver\" is only valid for \"ldap\": \"y\"",
				"option \"ldapserver\" is only valid for \"ldap\": ***");
	check_error("local a b ldap map=x", "whatever \"x\"", "whatever \"x\"");
	/* what castssl_hba_mask shows of the line, and why it does not work */
	check_error("host a b c radius radiusservers=x,\"y z\" radiussecrets=s",
				"could not translate RADIUS server name \"y z\" to address: unknown",
				"could not translate RADIUS server name \"***\"");
	check_error("host a b c radius \"radiusservers=x, y\" radiussecrets=s",
				"could not translate RADIUS server name \"y\" to address: unknown",
				"could not translate RADIUS server name \"y\" to address: unknown");
	check_error("host a b c radius \"radiusservers=x , y\" radiussecrets=s",
				"could not translate RADIUS server name \"x\" to address: unknown",
				"could not translate RADIUS server name \"x\" to address: unknown");
	check_error("host a b c/33 radius radiusservers=x radiussecrets=s",
				"invalid CIDR mask in address \"c/33\"", "invalid CIDR mask in address \"c/33\"");
	check_error("host a b c radius radiusservers=x radiussecrets=sx",
				"could not translate RADIUS server name \"x\" to address: unknown",
				"could not translate RADIUS server name \"***\"");
	check_error("host a b c radius radiusservers=x radiussecrets=s @f",
				"could not translate RADIUS server name \"x\" to address: unknown",
				"could not translate RADIUS server name \"***\"");
	/* the value of an option that is no secret */
	check_error("hostssl a b c ldap ldapserver=x ldapbindpasswd=s1 clientcert=1",
				"invalid value for clientcert: \"1\"", "invalid value for clientcert: \"1\"");
	check_error("hostssl a b c ldap ldapserver=x ldapbindpasswd=s1=",
				"invalid value for ldapbindpasswd: \"s1=\"",
				"invalid value for ldapbindpasswd: ***");
	check_error("hostssl a b c ldap ldapbindpasswd=s t clientcert=s",
				"invalid value for clientcert: \"s\"", "invalid value for clientcert: ***");
	CHECK_STRING(castssl_hba_mask_option("ldapbindpaswd=a"), "ldapbindpaswd=***");
	CHECK_STRING(castssl_hba_mask_option("a"), "***");
	CHECK_STRING(castssl_hba_mask_option("ldapbindpasswd=a"), "ldapbindpasswd=***");
	CHECK_STRING(castssl_hba_mask_option("map=a"), "map=a");
}

static void
check_options_of(int version, const char *rule, const char *wanted)
{
	CastsslHbaPolicy *policy = text_policy(rule, version);
	StringInfoData text;
	const char **options;
	int count;

	if (!CHECK_INT(policy->nrules, 1) || !CHECK_STRING(policy->rules[0].error, NULL))
		return;
	initStringInfo(&text);
	options = castssl_hba_shown_options(&policy->rules[0], &count);
	for (int i = 0; i < count; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? " " : "", options[i]);
	CHECK_STRING(text.data, wanted);
}

static void
check_options(const char *rule, const char *wanted)
{
	check_options_of(15, rule, wanted);
}

static void
test_options(void)
{
	check_options("local all all peer", "");
	check_options("local all all peer map=x", "map=x");
	check_options("hostssl all all all cert", "clientcert=verify-full");
	check_options("hostssl all all all cert clientname=DN map=m",
				  "map=m clientcert=verify-full clientname=DN");
	check_options("hostssl all all all md5 clientname=CN clientcert=verify-ca",
				  "clientcert=verify-ca");
	check_options("host all all all gss", "include_realm=true");
	check_options("host all all all gss include_realm=0 krb_realm=X", "krb_realm=X");
	check_options("host all all all gss include_realm=1 krb_realm=X",
				  "include_realm=true krb_realm=X");
	check_options("host all all all ldap ldapprefix=a ldapserver=b ldaptls=1 ldapport=0389",
				  "ldapserver=b ldapport=389 ldaptls=true ldapprefix=a ldapscope=2");
	check_options("host all all all ldap ldapserver=a ldapserver=b ldapprefix=c ldaptls=0",
				  "ldapserver=b ldapprefix=c ldapscope=2");
	check_options("host all all all pam pam_use_hostname=1 pamservice=x",
				  "pamservice=x pam_use_hostname=1");
	check_options("host all all all pam pam_use_hostname=0 pamservice=x", "pamservice=x");
	check_options_of(
		19,
		"host all all all oauth issuer=i scope=s validator=v validator.b=1 validator.a=2 "
		"validator.b=3",
		"issuer=i scope=s validator=v validator.a=2 validator.b=3");
}

/* Only boss is a member of groups. */
static CastsslAnswer
is_member(void *arg, const char *user, const char *role)
{
	return strcmp(user, "boss") == 0 ? CASTSSL_YES : CASTSSL_NO;
}

/* Patterns that begin with "(?" are unknown; of the others only "a.*" matches. */
static CastsslAnswer
is_found(void *arg, const char *pattern, const char *string)
{
	if (strncmp(pattern, "(?", 2) == 0)
		return CASTSSL_UNKNOWN;
	return strcmp(pattern, "a.*") == 0 && string[0] == 'a' ? CASTSSL_YES : CASTSSL_NO;
}

static const CastsslHbaWorld world = { .member = is_member, .regexp = is_found };

static void
check_reason(const char *rule, CastsslConnection connection, const char *wanted)
{
	CastsslHbaPolicy *policy = text_policy(rule, 16);
	const char *address = connection.family == 4 ? "10.1.2.3" : NULL;

	CHECK_INT(policy->nrules, 1);
	CHECK_STRING(castssl_hba_why_not(&policy->rules[0], 16, &connection, address, &world), wanted);
}

static void
test_reasons(void)
{
	CastsslConnection tcp = {
		.database = "db", .user = "bob", .family = 4, .address = { 10, 1, 2, 3 }
	};
	CastsslConnection tls = tcp;
	CastsslConnection walsender = tcp;
	CastsslConnection local = { .database = "db", .user = "bob" };

	tls.encryption = CASTSSL_TLS;
	walsender.replication = true;
	check_reason("host all", tcp, "the server refuses it: end-of-line before role specification");
	check_reason("hostssl all all all md5", tcp,
				 "it is for connections over TLS, and this one is not encrypted");
	check_reason("hostnossl all all all md5", tls,
				 "it is for connections over TCP/IP without TLS, and this one uses TLS");
	check_reason("host all all all md5", local,
				 "it is for connections over TCP/IP, and this one comes over a Unix-domain socket");
	check_reason("host all all 10.2.0.9/16 md5", tcp,
				 "its address 10.2.0.9/16 does not include 10.1.2.3");
	check_reason("host all all 10.2.0.0 255.255.0.1 md5", tcp,
				 "its address 10.2.0.0 255.255.0.1 does not include 10.1.2.3");
	check_reason("host all all ::/0 md5", tcp, "its address ::/0 does not include 10.1.2.3");
	check_reason("host a,\"b c\",/x all all md5", tcp,
				 "its databases (a, \"b c\", /x) do not include \"db\"");
	check_reason("host all a,+staff all md5", tcp, "its users (a, +staff) do not include \"bob\"");
	check_reason("host all a,b,c,d,e,f,g,h,i,j all md5", tcp,
				 "its users (a, b, c, d, e, f, g, h, and 2 more) do not include \"bob\"");
	check_reason("host all all all md5", walsender,
				 "its databases (all) do not include the keyword replication, which physical "
				 "replication needs");
	check_reason("local all all md5", tcp,
				 "it is for connections over a Unix-domain socket, and this one is not encrypted");
	check_reason("host /(?=x) all all md5", tcp,
				 "nobody can know here whether its databases (/(?=x)) include \"db\"");
	check_reason("host all /(?=x) all md5", tcp,
				 "nobody can know here whether its users (/(?=x)) include \"bob\"");
	check_reason("host all all samenet md5", tcp,
				 "nobody can know here whether its address samenet includes 10.1.2.3");
	check_reason("host all all a.example md5", tcp,
				 "DNS does not say whether a.example is a name of 10.1.2.3");
}

/* The parentheses of a(.*) match everything after the first letter. */
static CastsslAnswer
capture(const CastsslHbaWorld *unused, const char *pattern, const char *string, int *start,
		int *end)
{
	*start = strcmp(pattern, "a(.*)") == 0 ? 1 : -1;
	*end = (int) strlen(string);
	return string[0] == 'a' ? CASTSSL_YES : CASTSSL_NO;
}

static char *problem;
static bool fold;

static char *
refuse_parenthesis(void *arg, const char *pattern)
{
	return strcmp(pattern, "(") == 0 ? pstrdup("invalid regular expression") : NULL;
}

static CastsslIdent *
ident_of(const char *text, int version)
{
	MemoryFile files[] = { { "/ident", text }, { "/more", "m more all\n" }, { NULL } };
	CastsslHbaReader reader = { .read = memory_read,
								.locate = reader_locate,
								.list = memory_list,
								.regexp_error = refuse_parenthesis,
								.arg = files };

	return castssl_ident_read("/ident", &reader, version);
}

/* The numbers of the lines that admit somebody. */
static const char *
admitting(const char *text, int version, const char *role)
{
	CastsslIdent *ident = ident_of(text, version);
	CastsslIdentAsked asked = { .map = "m", .role = role, .world = &world, .capture = capture };
	StringInfoData found;
	int count;
	int *lines = castssl_ident_admitting(ident, &asked, &count);

	initStringInfo(&found);
	for (int i = 0; i < count; i++)
		appendStringInfo(&found, "%s%d", i > 0 ? " " : "", ident->lines[lines[i]].line_number);
	return found.data;
}

static int
maps(const char *text, int version, const char *system_user, const char *role)
{
	CastsslIdent *ident = ident_of(text, version);
	CastsslIdentAsked asked = {
		.map = "m", .role = role, .fold = fold, .world = &world, .capture = capture
	};
	int line = castssl_ident_match(ident, &asked, system_user, &problem);

	return line < 0 ? line : ident->lines[line].line_number;
}

static void
test_ident(void)
{
	const char *text = "# comment\nn sys role\nm sys role\n\"m\" \"a b\" \"c d\"\n";

	CHECK_INT(maps(text, 15, "sys", "role"), 3);
	CHECK_INT(maps(text, 15, "sys", "other"), -1);
	CHECK_INT(maps(text, 15, "a b", "c d"), 4);
	CHECK_INT(maps(text, 15, "a", "c"), -1);
	CHECK_INT(maps("", 15, "a", "c"), -1);
	CHECK_INT(maps("m sys all\n", 15, "sys", "bob"), -1);
	CHECK_INT(maps("m sys all\n", 16, "sys", "bob"), 1);
	CHECK_INT(maps("m sys \"all\"\n", 16, "sys", "bob"), -1);
	CHECK_INT(maps("m sys +staff\n", 16, "sys", "boss"), 1);
	CHECK_INT(maps("m sys +staff\n", 16, "sys", "bob"), -1);
	CHECK_INT(maps("m sys +staff\n", 15, "sys", "boss"), -1);
	CHECK_INT(maps("m sys /a.*\n", 16, "sys", "anna"), 1);
	CHECK_INT(maps("m sys /a.*\n", 15, "sys", "anna"), -1);
	CHECK_INT(maps("m /a.* bob\n", 15, "anna", "bob"), 1);
	CHECK_INT(maps("m /a.* bob\n", 15, "bert", "bob"), -1);
	CHECK_INT(maps("m /a(.*) x\\1y\n", 15, "anna", "xnnay"), 1);
	CHECK_INT(maps("m /a(.*) \\1\n", 16, "aall", "bob"), -1);
	CHECK_STRING(problem, NULL);
	CHECK_INT(maps("m /a.* x\\1\nm anna x\n", 15, "anna", "x"), -1);
	CHECK_STRING(problem, "line 1 of \"/ident\" refers to \\1, and its regular expression has no "
						  "parentheses that matched");
	CHECK_INT(maps("m sys a,b\nm sys a\n", 15, "sys", "a"), 2);
	CHECK_INT(maps("m /( a\nm ( a\n", 15, "(", "a"), 2);
	CHECK_INT(maps("m sys\nm sys role\n", 15, "sys", "role"), 2);
	CHECK_INT(maps("include /more\n", 16, "more", "bob"), 1);
	CHECK_INT(maps("include /more\n", 15, "more", "bob"), -1);

	CHECK_INT(maps("m /a(.*) +\\1\n", 15, "a+staff", "++staff"), 1);
	CHECK_INT(maps("m /a(.*) \\1\n", 16, "a/.", "bob"), -1); /* the result of \1 is a name */
	fold = true;
	CHECK_INT(maps("m Sys Role\n", 15, "sYs", "rOle"), 1);
	CHECK_INT(maps("m Sys Role\n", 16, "sYs", "rOle"), 1);
	CHECK_INT(maps("m /a(.*) X\\1\n", 16, "anna", "xnna"), 1);
	fold = false;

	CHECK_STRING(admitting("m a bob\nm b carol\nn c bob\nm d bob\n", 15, "bob"), "1 4");
	CHECK_STRING(admitting("m /^(.*)x$ \\1b\nm /y \\1b\nm /z bob\n", 15, "bob"), "1 3");
	CHECK_STRING(admitting("m /^(.*)x$ bob\\1bob\n", 15, "bob"), "");
	CHECK_STRING(admitting("m a +staff\nm b all\nm c \"all\"\n", 16, "boss"), "1 2");
	/* the server stops at a line that it cannot use */
	CHECK_STRING(admitting("m /a \\1\nm a bob\n", 15, "bob"), "");
	CHECK_STRING(castssl_ident_format("m", "alice", "bob"), "m alice bob");
	CHECK_STRING(castssl_ident_format("m", "CN=alice,O=\"x\"", "all"),
				 "m \"CN=alice,O=\"\"x\"\"\" \"all\"");
}

int
main(void)
{
	test_mask();
	test_options();
	test_reasons();
	test_ident();
	return check_summary();
}
