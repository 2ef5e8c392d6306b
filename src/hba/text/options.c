/*
 * options.c
 *		Authentication methods and their options, by PostgreSQL major.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/text/ldapurl.h"
#include "hba/text/options.h"

enum
{
	REJECT = 1 << 0,
	TRUST = 1 << 1,
	IDENT = 1 << 2,
	PASSWORD = 1 << 3,
	MD5 = 1 << 4,
	SCRAM = 1 << 5,
	GSS = 1 << 6,
	SSPI = 1 << 7,
	PAM = 1 << 8,
	BSD = 1 << 9,
	LDAP = 1 << 10,
	CERT = 1 << 11,
	RADIUS = 1 << 12,
	PEER = 1 << 13,
	OAUTH = 1 << 14,
	ANY = ~0
};

typedef struct Method
{
	const char *name;
	int bit;
	int since; /* first major with this option */
	int until; /* last major with this option */
} Method;

static const Method methods[] = {
	{ "trust", TRUST, 0, 99 },  { "scram-sha-256", SCRAM, 0, 99 },
	{ "md5", MD5, 0, 99 },      { "reject", REJECT, 0, 99 },
	{ "peer", PEER, 0, 99 },    { "cert", CERT, 0, 99 },
	{ "ident", IDENT, 0, 99 },  { "password", PASSWORD, 0, 99 },
	{ "gss", GSS, 0, 99 },      { "sspi", SSPI, 0, 99 },
	{ "pam", PAM, 0, 99 },      { "bsd", BSD, 0, 99 },
	{ "ldap", LDAP, 0, 99 },    { "radius", RADIUS, 0, 18 },
	{ "oauth", OAUTH, 18, 99 },
};

typedef struct Option
{
	const char *name;
	int methods;       /* methods that accept it */
	const char *valid; /* how the server's error names those methods */
	int since;
	int until;
} Option;

static const Option known_options[] = {
	{ "clientcert", ANY, NULL, 0, 99 },
	{ "clientname", ANY, NULL, 14, 99 },
	{ "map", IDENT | PEER | GSS | SSPI | CERT, "ident, peer, gssapi, sspi, and cert", 0, 17 },
	{ "map", IDENT | PEER | GSS | SSPI | CERT | OAUTH, "ident, peer, gssapi, sspi, cert, and oauth",
	  18, 99 },
	{ "pamservice", PAM, "pam", 0, 99 },
	{ "pam_use_hostname", PAM, "pam", 0, 99 },
	{ "ldapurl", LDAP, "ldap", 0, 99 },
	{ "ldaptls", LDAP, "ldap", 0, 99 },
	{ "ldapscheme", LDAP, "ldap", 0, 99 },
	{ "ldapserver", LDAP, "ldap", 0, 99 },
	{ "ldapport", LDAP, "ldap", 0, 99 },
	{ "ldapbinddn", LDAP, "ldap", 0, 99 },
	{ "ldapbindpasswd", LDAP, "ldap", 0, 99 },
	{ "ldapsearchattribute", LDAP, "ldap", 0, 99 },
	{ "ldapsearchfilter", LDAP, "ldap", 0, 99 },
	{ "ldapbasedn", LDAP, "ldap", 0, 99 },
	{ "ldapprefix", LDAP, "ldap", 0, 99 },
	{ "ldapsuffix", LDAP, "ldap", 0, 99 },
	{ "krb_realm", GSS | SSPI, "gssapi and sspi", 0, 99 },
	{ "include_realm", GSS | SSPI, "gssapi and sspi", 0, 99 },
	{ "compat_realm", SSPI, "sspi", 0, 99 },
	{ "upn_username", SSPI, "sspi", 0, 99 },
	{ "radiusservers", RADIUS, "radius", 0, 18 },
	{ "radiussecrets", RADIUS, "radius", 0, 18 },
	{ "radiusports", RADIUS, "radius", 0, 18 },
	{ "radiusidentifiers", RADIUS, "radius", 0, 18 },
	{ "issuer", OAUTH, "oauth", 18, 99 },
	{ "scope", OAUTH, "oauth", 18, 99 },
	{ "validator", OAUTH, "oauth", 18, 99 },
	{ "delegate_ident_mapping", OAUTH, "oauth", 18, 99 },
};

/* Those whose values are shown to superusers alone. */
static const char *const secret_options[] = { "ldapbindpasswd", "radiussecrets" };

/* Since 19 the validator has options of its own, "validator.NAME". */
static const Option validator_option = { "validator.", OAUTH, "oauth", 19, 99 };

/* What the checks after the last option need to know. */
typedef struct Seen
{
	CastsslHbaRule *rule;
	const CastsslHbaReader *reader;
	int version;
	int method; /* a bit */
	bool ldap_basedn;
	bool ldap_binddn;
	bool ldap_bindpasswd;
	bool ldap_attribute;
	bool ldap_filter;
	bool ldap_prefix;
	bool ldap_suffix;
	int radius_servers; /* -1: radiusservers is not given */
	int radius_secrets;
	int radius_ports;
	int radius_identifiers;
	bool issuer;
	bool scope;
	bool map;
	bool delegate;
} Seen;

static const Method *
find_method(const char *name, int version)
{
	for (int i = 0; i < lengthof(methods); i++)
	{
		if (castssl_hba_same(methods[i].name, name) && version >= methods[i].since &&
			version <= methods[i].until)
			return &methods[i];
	}
	return NULL;
}

/* The bit of a method.  The name must come from the table, because its address is compared. */
static int
bit_of(const char *method)
{
	for (int i = 0; i < lengthof(methods); i++)
	{
		if (methods[i].name == method)
			return methods[i].bit;
	}
	return 0; /* LCOV_EXCL_LINE: it is one of them */
}

static const Option *
find_option(const char *name, size_t length, int version)
{
	for (int i = 0; i < lengthof(known_options); i++)
	{
		const Option *option = &known_options[i];

		if (strncmp(option->name, name, length) == 0 && option->name[length] == '\0' &&
			version >= option->since && version <= option->until)
			return option;
	}
	if (version >= validator_option.since && length >= strlen(validator_option.name) &&
		strncmp(name, validator_option.name, strlen(validator_option.name)) == 0)
		return &validator_option;
	return NULL;
}

/* The names that 19 accepts: letters, digits, underscores, hyphens. */
static bool
is_validator_name(const char *name, size_t length)
{
	return length > 0 && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
									  "0123456789_-") >= length;
}

const char *
castssl_hba_method(const char *name, int version)
{
	const Method *method = find_method(name, version);

	return method ? method->name : NULL;
}

bool
castssl_hba_method_is_unsupported(const char *method)
{
	return castssl_hba_same(method, "bsd") || castssl_hba_same(method, "sspi");
}

bool
castssl_hba_method_is_known(const char *name)
{
	for (int i = 0; i < lengthof(methods); i++)
	{
		if (castssl_hba_same(methods[i].name, name))
			return true;
	}
	return false;
}

bool
castssl_hba_option_is_known(const char *name, size_t length)
{
	for (int i = 0; i < lengthof(known_options); i++)
	{
		if (strlen(known_options[i].name) == length &&
			memcmp(known_options[i].name, name, length) == 0)
			return true;
	}
	return false;
}

bool
castssl_hba_option_is_harmless(const char *name, size_t length)
{
	for (int i = 0; i < lengthof(secret_options); i++)
	{
		if (strlen(secret_options[i]) == length && memcmp(secret_options[i], name, length) == 0)
			return false;
	}
	return castssl_hba_option_is_known(name, length);
}

bool
castssl_hba_option_fits(const char *text, const char *method_name, int version)
{
	const Option *option = find_option(text, strcspn(text, "="), version);
	const Method *method = find_method(method_name, version);

	return option && method && (option->methods & method->bit);
}

const char *
castssl_hba_option_value(const char *option, const char *name)
{
	size_t length = strlen(name);

	if (strncmp(option, name, length) != 0 || option[length] != '=')
		return NULL;
	return option + length + 1;
}

static bool
is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/*
 * Cut the first item off a comma-separated list, which is changed (PostgreSQL:
 * SplitGUCList).  NULL if the list is malformed there.
 */
static char *
cut_item(char **list)
{
	char *item = *list;
	char *end;
	char *next;

	if (*item == '"')
	{
		item++;
		for (end = strchr(item, '"'); end && end[1] == '"'; end = strchr(end + 1, '"'))
			memmove(end, end + 1, strlen(end));
		if (end == NULL)
			return NULL;
		next = end + 1;
	}
	else
	{
		for (end = item; *end && *end != ',' && !is_space(*end);)
			end++;
		if (end == item)
			return NULL;
		next = end;
	}
	while (is_space(*next))
		next++;
	if (*next != ',' && *next != '\0')
		return NULL;
	*list = *next == ',' ? next + 1 : NULL; /* NULL: this was the last item */
	while (*list && is_space(**list))
		(*list)++;
	*end = '\0';
	return item;
}

static const char *
check_clientcert(Seen *seen, const char *value)
{
	CastsslHbaRule *rule = seen->rule;
	bool old = seen->version <= 13;

	if (rule->type != CASTSSL_HBA_HOSTSSL)
		return "clientcert can only be configured for \"hostssl\" rows";
	if (strcmp(value, "verify-full") == 0)
		rule->clientcert = CASTSSL_CLIENTCERT_VERIFY_FULL;
	else if (strcmp(value, "verify-ca") == 0 || (old && strcmp(value, "1") == 0))
	{
		if (!old && seen->method == CERT)
			return "clientcert can only be set to \"verify-full\" when using \"cert\" "
				   "authentication";
		rule->clientcert = CASTSSL_CLIENTCERT_VERIFY_CA;
	}
	else if (old && (strcmp(value, "0") == 0 || strcmp(value, "no-verify") == 0))
	{
		if (seen->method == CERT)
			return "clientcert cannot be set to \"no-verify\" when using \"cert\" authentication";
		rule->clientcert = CASTSSL_CLIENTCERT_NONE;
	}
	else
		return psprintf("invalid value for clientcert: \"%s\"", value);
	return NULL;
}

static const char *
check_clientname(Seen *seen, const char *value)
{
	if (seen->rule->type != CASTSSL_HBA_HOSTSSL)
		return "clientname can only be configured for \"hostssl\" rows";
	if (strcmp(value, "CN") != 0 && strcmp(value, "DN") != 0)
		return psprintf("invalid value for clientname: \"%s\"", value);
	return NULL;
}

static const char *
check_ldap_option(Seen *seen, const char *name, const char *value)
{
	if (strcmp(name, "ldapurl") == 0)
	{
		CastsslLdapUrl url;
		const char *error = castssl_ldap_url_check(value, &url);

		if (error)
			return error;
		seen->ldap_basedn = seen->ldap_basedn || url.has_dn;
		seen->ldap_attribute = seen->ldap_attribute || url.has_attribute;
		seen->ldap_filter = seen->ldap_filter || url.has_filter;
	}
	/* NOLINTNEXTLINE(cert-err34-c): PostgreSQL reads it so, in parse_hba_auth_opt */
	else if (strcmp(name, "ldapport") == 0 && atoi(value) == 0)
		return psprintf("invalid LDAP port number: \"%s\"", value);
	else if (strcmp(name, "ldapbasedn") == 0)
		seen->ldap_basedn = true;
	else if (strcmp(name, "ldapbinddn") == 0)
		seen->ldap_binddn = true;
	else if (strcmp(name, "ldapbindpasswd") == 0)
		seen->ldap_bindpasswd = true;
	else if (strcmp(name, "ldapsearchattribute") == 0)
		seen->ldap_attribute = true;
	else if (strcmp(name, "ldapsearchfilter") == 0)
		seen->ldap_filter = true;
	else if (strcmp(name, "ldapprefix") == 0)
		seen->ldap_prefix = true;
	else if (strcmp(name, "ldapsuffix") == 0)
		seen->ldap_suffix = true;
	return NULL;
}

/* The error in one item of a list; NULL if there is none. */
static const char *
check_radius_item(const Seen *seen, const char *name, const char *item, const char *value)
{
	/* NOLINTNEXTLINE(cert-err34-c): PostgreSQL reads it so, in parse_hba_auth_opt */
	if (strcmp(name, "radiusports") == 0 && atoi(item) == 0)
		return psprintf("invalid RADIUS port number: \"%s\"", value);
	if (strcmp(name, "radiusservers") == 0 && seen->reader && seen->reader->radius_error)
		return seen->reader->radius_error(seen->reader->arg, item);
	return NULL;
}

static const char *
radius_list_error(const char *name, const char *value)
{
	if (strcmp(name, "radiusports") == 0)
		return psprintf("invalid RADIUS port number: \"%s\"", value);
	if (strcmp(name, "radiusservers") == 0)
		return psprintf("could not parse RADIUS server list \"%s\"", value);
	if (strcmp(name, "radiussecrets") == 0)
		return psprintf("could not parse RADIUS secret list \"%s\"", value);
	return psprintf("could not parse RADIUS identifiers list \"%s\"", value);
}

static const char *
check_radius_option(Seen *seen, const char *name, const char *value)
{
	char *copy = pstrdup(value);
	char *list = copy;
	const char *first_error = NULL;
	int count = 0;

	while (is_space(*list))
		list++;
	while (list && (*list || count > 0))
	{
		const char *item = cut_item(&list);

		/* the server splits the whole list before it reads an item */
		if (item == NULL)
			return radius_list_error(name, value);
		if (first_error == NULL)
			first_error = check_radius_item(seen, name, item, value);
		count++;
	}
	pfree(copy);
	if (strcmp(name, "radiusservers") == 0)
		seen->radius_servers = count;
	else if (strcmp(name, "radiussecrets") == 0)
		seen->radius_secrets = count;
	else if (strcmp(name, "radiusports") == 0)
		seen->radius_ports = count;
	else
		seen->radius_identifiers = count;
	return first_error;
}

static const char *
check_option(Seen *seen, const char *text)
{
	const char *value = strchr(text, '=');
	int length = value ? (int) (value - text) : 0;
	int prefix = (int) strlen(validator_option.name);
	const Option *option;

	if (value == NULL)
		return psprintf("authentication option not in name=value format: %s", text);
	option = find_option(text, length, seen->version);
	if (option && !(option->methods & seen->method))
		return psprintf(
			"authentication option \"%.*s\" is only valid for authentication methods %s", length,
			text, option->valid);
	if (option == NULL ||
		(option == &validator_option && !is_validator_name(text + prefix, length - prefix)))
		return psprintf("unrecognized authentication option name: \"%.*s\"", length, text);
	value++;
	if (strcmp(option->name, "clientcert") == 0)
		return check_clientcert(seen, value);
	if (strcmp(option->name, "clientname") == 0)
		return check_clientname(seen, value);
	if (option->methods == LDAP)
		return check_ldap_option(seen, option->name, value);
	if (option->methods == RADIUS)
		return check_radius_option(seen, option->name, value);
	seen->map = seen->map || strcmp(option->name, "map") == 0;
	seen->issuer = seen->issuer || strcmp(option->name, "issuer") == 0;
	seen->scope = seen->scope || strcmp(option->name, "scope") == 0;
	if (strcmp(option->name, "delegate_ident_mapping") == 0)
		seen->delegate = strcmp(value, "1") == 0;
	return NULL;
}

static const char *
check_ldap(const Seen *seen)
{
	if (seen->ldap_prefix || seen->ldap_suffix)
	{
		if (seen->ldap_basedn || seen->ldap_binddn || seen->ldap_bindpasswd ||
			seen->ldap_attribute || seen->ldap_filter)
			return seen->version >= 18
					   ? "cannot mix options for simple bind and search+bind modes"
					   : "cannot use ldapbasedn, ldapbinddn, ldapbindpasswd, ldapsearchattribute, "
						 "ldapsearchfilter, or ldapurl together with ldapprefix";
	}
	else if (!seen->ldap_basedn)
		return "authentication method \"ldap\" requires argument \"ldapbasedn\", \"ldapprefix\", "
			   "or \"ldapsuffix\" to be set";
	if (seen->ldap_attribute && seen->ldap_filter)
		return "cannot use ldapsearchattribute together with ldapsearchfilter";
	return NULL;
}

static const char *requires(const char *method, const char *argument)
{
	return psprintf("authentication method \"%s\" requires argument \"%s\" to be set", method,
					argument);
}

static const char *
check_radius_count(const char *what, int count, int servers)
{
	if (count <= 1 || count == servers)
		return NULL;
	return psprintf("the number of RADIUS %s (%d) must be 1 or the same as the number of RADIUS "
					"servers (%d)",
					what, count, servers);
}

static const char *
check_radius(const Seen *seen)
{
	const char *error;

	/* an empty list counts as missing */
	if (seen->radius_servers <= 0)
	return requires("radius", "radiusservers");
	if (seen->radius_secrets <= 0)
	return requires("radius", "radiussecrets");
	error = check_radius_count("secrets", seen->radius_secrets, seen->radius_servers);
	if (error == NULL)
		error = check_radius_count("ports", seen->radius_ports, seen->radius_servers);
	if (error == NULL)
		error = check_radius_count("identifiers", seen->radius_identifiers, seen->radius_servers);
	return error;
}

static const char *
check_oauth(const Seen *seen)
{
	if (!seen->scope)
	return requires("oauth", "scope");
	if (!seen->issuer)
	return requires("oauth", "issuer");
	if (seen->delegate && seen->map)
		return "map cannot be used in combination with delegate_ident_mapping";
	return NULL;
}

const char *
castssl_hba_options_check(CastsslHbaRule *rule, int version, const CastsslHbaReader *reader)
{
	int method = bit_of(rule->method);
	Seen seen;

	rule->clientcert = CASTSSL_CLIENTCERT_NONE;
	/* nearly all rules */
	if (rule->options.count == 0 && (method & (CERT | LDAP | RADIUS | OAUTH)) == 0)
		return NULL;
	seen = (Seen){ .rule = rule, .reader = reader, .version = version, .method = method };
	for (int i = 0; i < rule->options.count; i++)
	{
		const char *error = check_option(&seen, rule->options.items[i].string);

		if (error)
			return error;
	}
	switch (method)
	{
		case CERT:
			rule->clientcert = CASTSSL_CLIENTCERT_VERIFY_FULL;
			return NULL;
		case LDAP:
			return check_ldap(&seen);
		case RADIUS:
			return check_radius(&seen);
		case OAUTH:
			return check_oauth(&seen);
		default:
			return NULL;
	}
}
