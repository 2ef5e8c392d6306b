/*
 * test_hba_rule.c
 *		Rules and error texts of every construct, for all majors.
 */
#include "postgres_fe.h"

#include "check.h"
#include "reader.h"

/* The error of the first rule of a line; "" when it is good. */
static const char *
error_of(const char *line, int version)
{
	CastsslHbaPolicy *policy = text_policy(line, version);

	if (policy->nrules == 0)
		return "no rule";
	return policy->rules[0].error ? policy->rules[0].error : "";
}

typedef struct Case
{
	const char *line;
	const char *error; /* "": a valid rule */
	int since;         /* majors with this error; 0: from the first, to the last */
	int until;
} Case;

static void
check_cases(const Case *cases, int count)
{
	for (int i = 0; i < count; i++)
	{
		int since = Max(cases[i].since, CASTSSL_OLDEST_MAJOR);
		int until =
			Min(cases[i].until ? cases[i].until : CASTSSL_NEWEST_MAJOR, CASTSSL_NEWEST_MAJOR);

		if (!CHECK(since <= until))
			printf("  line: %s is tried with no version\n", cases[i].line);
		for (int version = since; version <= until; version++)
		{
			if (!CHECK_STRING(error_of(cases[i].line, version), cases[i].error))
				printf("  line: %s, version %d\n", cases[i].line, version);
		}
	}
}

#define CHECK_CASES(cases) check_cases(cases, lengthof(cases))

static void
test_fields(void)
{
	static const Case cases[] = {
		{ "local all all trust", "" },
		{ "host all all 10.0.0.0/8 md5", "" },
		{ "hostssl all all 10.0.0.0/8 md5", "" },
		{ "hostnossl all all 10.0.0.0/8 md5", "" },
		{ "hostgssenc all all 10.0.0.0/8 md5", "" },
		{ "hostnogssenc all all 10.0.0.0/8 md5", "" },
		{ "\"host\" \"all\" \"a b\",+x,\"\" \"all\" \"md5\" #", "" },
		{ "# host", "no rule" },
		{ " ,, \t\r", "no rule" },
		{ "host all all\rall md5", "", 13, 18 },
		{ "host all all\rall md5", "end-of-line before authentication method", 19 },
		{ "HOST all all all md5", "invalid connection type \"HOST\"" },
		{ "hosttls all all all md5", "invalid connection type \"hosttls\"" },
		{ "\xef\xbb\xbfhost all all all md5", "invalid connection type \"\xef\xbb\xbfhost\"" },
		{ "host,local all all all md5", "multiple values specified for connection type" },
		{ "host", "end-of-line before database specification" },
		{ "host all", "end-of-line before role specification" },
		{ "host all all", "end-of-line before IP address specification" },
		{ "host all all,all", "end-of-line before IP address specification" },
		{ "host all all a,b md5", "multiple values specified for host address" },
		{ "local all all", "end-of-line before authentication method" },
		{ "host all all all", "end-of-line before authentication method" },
		{ "host all all all md5,trust", "multiple values specified for authentication type" },
		{ "local all all md5 x", "authentication option not in name=value format: x" },
		{ "local all all md5 x=y=z", "unrecognized authentication option name: \"x\"" },
		{ "local all all md5 =y", "unrecognized authentication option name: \"\"" },
	};

	CHECK_CASES(cases);
}

static void
test_addresses(void)
{
	static const Case cases[] = {
		{ "host all all samenet md5", "" },
		{ "host all all samehost md5", "" },
		{ "host all all example.org md5", "" },
		{ "host all all .example.org md5", "" },
		{ "host all all fe80::1%1/64 md5", "" },
		{ "host all all 10.0.0.300 md5", "" }, /* a host name, to the server */
		{ "host all all 10.0.0.0 255.0.0.0 md5", "" },
		{ "host all all 10.0.0.0 255.0.255.0 md5", "" },
		{ "host all all 127.1/8 md5", "" },
		{ "host all all 0x7f.1/8 md5", "" },
		{ "host all all ::1/128 md5", "" },
		{ "host all all ::1 ffff:: md5", "" },
		{ "host all all ::ffff:10.0.0.1/96 md5", "" },
		{ "host all all 10.0.0.0/+8 md5", "" },
		{ "host all all 10.0.0.0/33 md5", "invalid CIDR mask in address \"10.0.0.0/33\"" },
		{ "host all all 10.0.0.0/ md5", "invalid CIDR mask in address \"10.0.0.0/\"" },
		{ "host all all 10.0.0.0/-1 md5", "invalid CIDR mask in address \"10.0.0.0/-1\"" },
		{ "host all all 10.0.0.0/8x md5", "invalid CIDR mask in address \"10.0.0.0/8x\"" },
		{ "host all all ::/129 md5", "invalid CIDR mask in address \"::/129\"" },
		{ "host all all 1.2.3.4", "end-of-line before netmask specification" },
		{ "host all all 1.2.3.4 a,b md5", "multiple values specified for netmask" },
		{ "host all all 1.2.3.4 md5", "invalid IP mask \"md5\": Name or service not known" },
		{ "host all all 1.2.3.4 ffff:: md5", "IP address and mask do not match" },
		{ "host all all x/8 md5", "specifying both host name and CIDR mask is invalid: \"x/8\"" },
		{ "host all all "
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/8 md5",
		  "specifying both host name and CIDR mask is invalid: "
		  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/8\"" },
		{ "host all all 1.2.3.4.5/8 md5",
		  "specifying both host name and CIDR mask is invalid: \"1.2.3.4.5/8\"" },
	};

	CHECK_CASES(cases);
}

static void
test_methods(void)
{
	static const Case cases[] = {
		{ "host all all all reject", "" },
		{ "host all all all password", "" },
		{ "host all all all scram-sha-256", "" },
		{ "host all all all ident", "" },
		{ "host all all all gss", "" },
		{ "host all all all pam", "" },
		{ "host all all all krb5", "invalid authentication method \"krb5\"" },
		{ "host all all all bsd",
		  "invalid authentication method \"bsd\": not supported by this build" },
		{ "host all all all sspi",
		  "invalid authentication method \"sspi\": not supported by this build" },
		{ "local all all gss", "gssapi authentication is not supported on local sockets" },
		{ "host all all all peer", "peer authentication is only supported on local sockets" },
		{ "host all all all cert", "cert authentication is only supported on hostssl connections" },
		{ "hostssl all all all cert", "" },
		{ "host all all all radius radiusservers=127.0.0.1 radiussecrets=x", "", 13, 18 },
		{ "host all all all radius", "invalid authentication method \"radius\"", 19 },
		{ "host all all all oauth scope=s issuer=i", "", 18 },
		{ "host all all all oauth", "invalid authentication method \"oauth\"", 13, 17 },
	};

	CHECK_CASES(cases);
}

#define ONLY_FOR(option, methods)                                                                  \
	"authentication option \"" option "\" is only valid for authentication methods " methods

static void
test_options(void)
{
	static const Case cases[] = {
		{ "local all all peer map=m", "" },
		{ "host all all all md5 map=m", ONLY_FOR("map", "ident, peer, gssapi, sspi, and cert"), 13,
		  17 },
		{ "host all all all md5 map=m",
		  ONLY_FOR("map", "ident, peer, gssapi, sspi, cert, and oauth"), 18 },
		{ "host all all all gss include_realm=0 krb_realm=R", "" },
		{ "host all all all md5 include_realm=0", ONLY_FOR("include_realm", "gssapi and sspi") },
		{ "host all all all gss compat_realm=0", ONLY_FOR("compat_realm", "sspi") },
		{ "host all all all pam pamservice=x pam_use_hostname=1", "" },
		{ "host all all all md5 pamservice=x", ONLY_FOR("pamservice", "pam") },
		{ "host all all all md5 issuer=x", "unrecognized authentication option name: \"issuer\"",
		  13, 17 },
		{ "host all all all md5 issuer=x", ONLY_FOR("issuer", "oauth"), 18 },
		{ "host all all all md5 radiusports=1", ONLY_FOR("radiusports", "radius"), 13, 18 },
		{ "host all all all md5 radiusports=1",
		  "unrecognized authentication option name: \"radiusports\"", 19 },
		{ "host all all all oauth scope=s",
		  "authentication method \"oauth\" requires argument \"issuer\" to be set", 18 },
		{ "host all all all oauth issuer=s",
		  "authentication method \"oauth\" requires argument \"scope\" to be set", 18 },
		{ "host all all all oauth issuer=s scope=s map=m delegate_ident_mapping=1",
		  "map cannot be used in combination with delegate_ident_mapping", 18 },
		{ "host all all all oauth scope=s issuer=i validator.a-B_1=x", "", 19 },
		{ "host all all all oauth scope=s issuer=i validator.a=x",
		  "unrecognized authentication option name: \"validator.a\"", 18, 18 },
		{ "host all all all oauth validator.=x",
		  "unrecognized authentication option name: \"validator.\"", 19 },
		{ "host all all all oauth validator.a.b=x",
		  "unrecognized authentication option name: \"validator.a.b\"", 19 },
		{ "host all all all md5 validator.=x", ONLY_FOR("validator.", "oauth"), 19 },
	};

	CHECK_CASES(cases);
}

static void
test_clientcert(void)
{
	static const Case cases[] = {
		{ "hostssl all all all md5 clientcert=verify-ca", "" },
		{ "hostssl all all all md5 clientcert=verify-full", "" },
		{ "hostssl all all all cert clientcert=verify-full", "" },
		{ "hostssl all all all md5 clientcert=1", "", 13, 13 },
		{ "hostssl all all all md5 clientcert=0", "", 13, 13 },
		{ "hostssl all all all md5 clientcert=no-verify", "", 13, 13 },
		{ "hostssl all all all md5 clientcert=1", "invalid value for clientcert: \"1\"", 14 },
		{ "hostssl all all all md5 clientcert=0", "invalid value for clientcert: \"0\"", 14 },
		{ "hostssl all all all md5 clientcert=no-verify",
		  "invalid value for clientcert: \"no-verify\"", 14 },
		{ "hostssl all all all md5 clientcert=2", "invalid value for clientcert: \"2\"" },
		{ "host all all all md5 clientcert=verify-ca",
		  "clientcert can only be configured for \"hostssl\" rows" },
		{ "hostssl all all all cert clientcert=verify-ca", "", 13, 13 },
		{ "hostssl all all all cert clientcert=verify-ca",
		  "clientcert can only be set to \"verify-full\" when using \"cert\" authentication", 14 },
		{ "hostssl all all all cert clientcert=0",
		  "clientcert cannot be set to \"no-verify\" when using \"cert\" authentication", 13, 13 },
		{ "hostssl all all all md5 clientname=DN",
		  "unrecognized authentication option name: \"clientname\"", 13, 13 },
		{ "hostssl all all all md5 clientname=DN", "", 14 },
		{ "hostssl all all all md5 clientname=x", "invalid value for clientname: \"x\"", 14 },
		{ "host all all all md5 clientname=DN",
		  "clientname can only be configured for \"hostssl\" rows", 14 },
	};
	static const struct
	{
		const char *options;
		CastsslClientCert mode;
	} modes[] = { { "md5", CASTSSL_CLIENTCERT_NONE },
				  { "md5 clientcert=verify-ca", CASTSSL_CLIENTCERT_VERIFY_CA },
				  { "md5 clientcert=verify-full clientcert=verify-ca",
					CASTSSL_CLIENTCERT_VERIFY_CA },
				  { "cert", CASTSSL_CLIENTCERT_VERIFY_FULL } };

	CHECK_CASES(cases);
	for (int i = 0; i < lengthof(modes); i++)
	{
		CastsslHbaPolicy *policy =
			text_policy(psprintf("hostssl all all all %s", modes[i].options), 15);

		CHECK_INT(policy->rules[0].clientcert, modes[i].mode);
	}
	CHECK_INT(text_policy("hostssl all all all md5 clientcert=1", 13)->rules[0].clientcert,
			  CASTSSL_CLIENTCERT_VERIFY_CA);
}

#define LDAP "host all all all ldap "
#define URL_ERROR(url, text) "could not parse LDAP URL \"" url "\": " text

static void
test_ldap(void)
{
	static const Case cases[] = {
		{ LDAP "ldapprefix=x ldapsuffix=y ldapserver=z ldaptls=1 ldapscheme=what", "" },
		{ LDAP "ldapbasedn=x ldapbinddn=x ldapbindpasswd=x ldapsearchattribute=u", "" },
		{ LDAP "ldapserver=z",
		  "authentication method \"ldap\" requires argument \"ldapbasedn\", \"ldapprefix\", or "
		  "\"ldapsuffix\" to be set" },
		{ LDAP "ldapprefix=x ldapbasedn=y",
		  "cannot use ldapbasedn, ldapbinddn, ldapbindpasswd, ldapsearchattribute, "
		  "ldapsearchfilter, or ldapurl together with ldapprefix",
		  13, 17 },
		{ LDAP "ldapprefix=x ldapbasedn=y",
		  "cannot mix options for simple bind and search+bind modes", 18 },
		{ LDAP "ldapbasedn=x ldapsearchattribute=u ldapsearchfilter=f",
		  "cannot use ldapsearchattribute together with ldapsearchfilter" },
		{ LDAP "ldapport=0", "invalid LDAP port number: \"0\"" },
		{ LDAP "ldapurl=ldap://h/dc=x", "" },
		{ LDAP "ldapurl=\"LDAPS://[::1]:636/dc=x?uid?sub\"", "" },
		{ LDAP "ldapurl=<URL:ldap://h/dc=x>", "" },
		{ LDAP "ldapurl=ldap://h/dc=x?uid?sub?(a=b)",
		  "cannot use ldapsearchattribute together with ldapsearchfilter" },
		{ LDAP "ldapurl=ldap://h?dc=x",
		  "authentication method \"ldap\" requires argument \"ldapbasedn\", \"ldapprefix\", or "
		  "\"ldapsuffix\" to be set" },
		{ LDAP "ldapurl=http://h/", URL_ERROR("http://h/", "Time limit exceeded") },
		{ LDAP "ldapurl=<ldap://h/", URL_ERROR("<ldap://h/", "Size limit exceeded") },
		{ LDAP "ldapurl=ldap://h:x/", URL_ERROR("ldap://h:x/", "Compare False") },
		{ LDAP "ldapurl=ldap://h:/", URL_ERROR("ldap://h:/", "Compare False") },
		{ LDAP "ldapurl=ldap://[::1/", URL_ERROR("ldap://[::1/", "Compare False") },
		{ LDAP "ldapurl=ldap://h/??x",
		  URL_ERROR("ldap://h/??x", "Strong(er) authentication required") },
		{ LDAP "ldapurl=ldap://h/????", URL_ERROR("ldap://h/????", "Referral") },
		{ LDAP "ldapurl=ldap://h/?????x", URL_ERROR("ldap://h/?????x", "Compare False") },
		{ LDAP "ldapurl=ldapi:///x", "unsupported LDAP URL scheme: ldapi" },
		{ "host all all all md5 ldapurl=x", ONLY_FOR("ldapurl", "ldap") },
	};

	CHECK_CASES(cases);
}

#define RADIUS "host all all all radius "
#define RADIUS_COUNT(what, count)                                                                  \
	"the number of RADIUS " what " (" count                                                        \
	") must be 1 or the same as the number of RADIUS servers (2)"

static void
test_radius(void)
{
	static const Case cases[] = {
		{ RADIUS "radiusservers=\"a,b\" radiussecrets=x radiusports=1812", "", 13, 18 },
		{ RADIUS "radiusservers=\"a, b\" radiussecrets=\"x , \"\"y,z\"\"\"", "", 13, 18 },
		{ RADIUS "radiusservers=\"a,b\" radiussecrets=\"x,y,z\"", RADIUS_COUNT("secrets", "3"), 13,
		  18 },
		{ RADIUS "radiusservers=\"a,b\" radiussecrets=x radiusports=\"1,2,3\"",
		  RADIUS_COUNT("ports", "3"), 13, 18 },
		{ RADIUS "radiusservers=\"a,b\" radiussecrets=x radiusidentifiers=\"1,2,3\"",
		  RADIUS_COUNT("identifiers", "3"), 13, 18 },
		{ RADIUS "radiussecrets=x",
		  "authentication method \"radius\" requires argument \"radiusservers\" to be set", 13,
		  18 },
		{ RADIUS "radiusservers=x radiussecrets=",
		  "authentication method \"radius\" requires argument \"radiussecrets\" to be set", 13,
		  18 },
		{ RADIUS "radiusservers=\"a,\"", "could not parse RADIUS server list \"a,\"", 13, 18 },
		{ RADIUS "radiusservers=\"a b\"", "could not parse RADIUS server list \"a b\"", 13, 18 },
		{ RADIUS "radiussecrets=\"\"\"a\"\"b\"", "could not parse RADIUS secret list \"\"a\"b\"",
		  13, 18 },
		{ RADIUS "radiussecrets=\"\"\"a\"", "could not parse RADIUS secret list \"\"a\"", 13, 18 },
		{ RADIUS "radiusidentifiers=\",a\"", "could not parse RADIUS identifiers list \",a\"", 13,
		  18 },
		{ RADIUS "radiusservers=\" a\" radiussecrets=\"\"\"x\"\"\"\"y\"\"\"", "", 13, 18 },
		{ RADIUS "radiusports=\"1812,\"", "invalid RADIUS port number: \"1812,\"", 13, 18 },
		{ RADIUS "radiusports=\"1812,x\"", "invalid RADIUS port number: \"1812,x\"", 13, 18 },
	};

	CHECK_CASES(cases);
}

static char *
refuse_regexp(void *arg, const char *pattern)
{
	return pattern[0] == '(' ? psprintf("invalid regular expression \"%s\": x", pattern) : NULL;
}

static char *
refuse_server(void *arg, const char *server)
{
	return psprintf("could not translate RADIUS server name \"%s\" to address: x", server);
}

/* Checks that only the running server can make are functions of the reader. */
static void
test_checks_of_the_server(void)
{
	MemoryFile files[] = { { "/main", "host /( all all md5\nhost all \"/(\" all md5\n"
									  "host /a all all md5\n"
									  "host all all all radius radiusservers=s\n" },
						   { NULL } };
	CastsslHbaReader reader = { .read = memory_read,
								.locate = reader_locate,
								.arg = files,
								.regexp_error = refuse_regexp,
								.radius_error = refuse_server };
	CastsslHbaPolicy *policy = castssl_hba_policy_read("/main", &reader, 16);

	CHECK_STRING(policy->rules[0].error, "invalid regular expression \"(\": x");
	CHECK_STRING(policy->rules[1].error, "invalid regular expression \"(\": x");
	CHECK_STRING(policy->rules[2].error, NULL);
	CHECK_STRING(policy->rules[3].error,
				 "could not translate RADIUS server name \"s\" to address: x");
	policy = castssl_hba_policy_read("/main", &reader, 15);
	CHECK_STRING(policy->rules[0].error, NULL);
}

static void
test_values(void)
{
	CastsslHbaPolicy *policy =
		text_policy("local all all ident\n\n"
					"hostssl a,\"all\" +g,/re 10.1.2.3/12 scram-sha-256 \"clientcert=verify-ca\"\n"
					"host all all 2001:db8::/33 trust\n"
					"host all all Example.ORG trust\n"
					"host all all samenet trust\n",
					16);
	const CastsslHbaRule *rule = policy->rules;

	CHECK_INT(policy->nrules, 5);
	CHECK_INT(rule->type, CASTSSL_HBA_LOCAL);
	CHECK_STRING(rule->method, "peer");
	CHECK_INT(rule->address.kind, CASTSSL_HBA_ADDRESS_NONE);
	rule++;
	CHECK_INT(rule->line_number, 3);
	CHECK_INT(rule->record, 2);
	CHECK_INT(rule->type, CASTSSL_HBA_HOSTSSL);
	CHECK_STRING(castssl_hba_type_name(rule->type), "hostssl");
	CHECK_INT(rule->databases.count, 2);
	CHECK_STRING(rule->databases.items[1].string, "all");
	CHECK(!castssl_hba_is_keyword(&rule->databases.items[1], "all"));
	CHECK(castssl_hba_is_group(&rule->users.items[0]));
	CHECK(castssl_hba_is_regexp(&rule->users.items[1], 16));
	CHECK(!castssl_hba_is_regexp(&rule->users.items[1], 15));
	CHECK_INT(rule->address.family, 4);
	CHECK(memcmp(rule->address.address, "\x0a\x01\x02\x03\0\0\0", 7) == 0);
	CHECK(memcmp(rule->address.mask, "\xff\xf0\0\0\0\0", 6) == 0);
	CHECK_INT(rule->options.count, 1);
	CHECK_STRING(rule->options.items[0].string, "clientcert=verify-ca");
	rule++;
	CHECK_INT(rule->address.family, 6);
	CHECK(memcmp(rule->address.mask, "\xff\xff\xff\xff\x80\0", 6) == 0);
	CHECK(castssl_hba_is_keyword(&rule->users.items[0], "all"));
	rule++;
	CHECK_STRING(rule->address.name, "Example.ORG");
	rule++;
	CHECK_INT(rule->address.kind, CASTSSL_HBA_ADDRESS_SAMENET);
}

static void
test_long(void)
{
	char *text = psprintf("#%030000d\nlocal all all trust\n", 0);

	CHECK_STRING(error_of(text, 13), "authentication file line too long");
	CHECK_INT(text_policy(text, 13)->nrules, 3); /* the rest of the line is read as a rule */
	CHECK_INT(text_policy(text, 13)->rules[2].line_number, 3);
	CHECK_STRING(error_of(text, 14), "");
	text = psprintf("local %010240d all trust\n", 0);
	CHECK_STRING(error_of(text, 16), "authentication file token too long");
	CHECK_STRING(error_of(text, 17), "");
}

static void
test_names(void)
{
	CastsslClientCert mode;

	CHECK(castssl_clientcert_parse("1", &mode) && mode == CASTSSL_CLIENTCERT_VERIFY_CA);
	CHECK(castssl_clientcert_parse("none", &mode) && mode == CASTSSL_CLIENTCERT_NONE);
	CHECK(castssl_clientcert_parse("verify-full", &mode) && mode == CASTSSL_CLIENTCERT_VERIFY_FULL);
	CHECK(!castssl_clientcert_parse("0", &mode));
	CHECK(!castssl_clientcert_parse("", &mode));
}

int
main(void)
{
	test_fields();
	test_addresses();
	test_methods();
	test_options();
	test_clientcert();
	test_ldap();
	test_radius();
	test_checks_of_the_server();
	test_values();
	test_long();
	test_names();
	return check_summary();
}
