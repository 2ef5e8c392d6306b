/*
 * options.c
 *		Authentication methods and their options, by PostgreSQL major.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/compat.h"
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

#define ALWAYS 0, 99

typedef struct Method
{
	const char *name;
	int bit;
	int since; /* first major with this method */
	int until; /* last major with this method */
} Method;

/* In the order in which the server's messages list methods. */
static const Method methods[] = {
	{ "trust", TRUST, ALWAYS }, { "scram-sha-256", SCRAM, ALWAYS },
	{ "md5", MD5, ALWAYS },     { "reject", REJECT, ALWAYS },
	{ "ident", IDENT, ALWAYS }, { "peer", PEER, ALWAYS },
	{ "gss", GSS, ALWAYS },     { "sspi", SSPI, ALWAYS },
	{ "cert", CERT, ALWAYS },   { "password", PASSWORD, ALWAYS },
	{ "pam", PAM, ALWAYS },     { "bsd", BSD, ALWAYS },
	{ "ldap", LDAP, ALWAYS },   { "radius", RADIUS, 0, 18 },
	{ "oauth", OAUTH, 18, 99 },
};

/* The input of the checks of a rule's options, and what they have found so far. */
typedef struct CastsslHbaCheck
{
	CastsslHbaRule *rule;
	const CastsslHbaReader *reader;
	int version;
	int method;         /* bit */
	CastsslLdapUrl url; /* the parts that any ldapurl option of the rule has */
} Check;

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

/* ---- checks of a value: each returns NULL, or the server's error ---- */

static const char *
check_clientcert(Check *check, const char *name, const char *value)
{
	CastsslHbaRule *rule = check->rule;
	bool old = check->version <= 13;

	if (rule->type != CASTSSL_HBA_HOSTSSL)
		return "clientcert can only be configured for \"hostssl\" rows";
	if (strcmp(value, "verify-full") == 0)
		rule->clientcert = CASTSSL_CLIENTCERT_VERIFY_FULL;
	else if (strcmp(value, "verify-ca") == 0 || (old && strcmp(value, "1") == 0))
	{
		if (!old && check->method == CERT)
			return "clientcert can only be set to \"verify-full\" when using \"cert\" "
				   "authentication";
		rule->clientcert = CASTSSL_CLIENTCERT_VERIFY_CA;
	}
	else if (old && (strcmp(value, "0") == 0 || strcmp(value, "no-verify") == 0))
	{
		if (check->method == CERT)
			return "clientcert cannot be set to \"no-verify\" when using \"cert\" authentication";
		rule->clientcert = CASTSSL_CLIENTCERT_NONE;
	}
	else
		return psprintf("invalid value for clientcert: \"%s\"", value);
	return NULL;
}

static const char *
check_clientname(Check *check, const char *name, const char *value)
{
	if (check->rule->type != CASTSSL_HBA_HOSTSSL)
		return "clientname can only be configured for \"hostssl\" rows";
	if (strcmp(value, "CN") != 0 && strcmp(value, "DN") != 0)
		return psprintf("invalid value for clientname: \"%s\"", value);
	return NULL;
}

static const char *
check_ldapurl(Check *check, const char *name, const char *value)
{
	CastsslLdapUrl url;
	const char *error = castssl_ldap_url_check(value, &url);

	if (error)
		return error;
	check->url.has_dn |= url.has_dn;
	check->url.has_attribute |= url.has_attribute;
	check->url.has_filter |= url.has_filter;
	return NULL;
}

static const char *
check_ldapport(Check *check, const char *name, const char *value)
{
	/* NOLINTNEXTLINE(cert-err34-c): PostgreSQL reads it so, in parse_hba_auth_opt */
	return atoi(value) == 0 ? psprintf("invalid LDAP port number: \"%s\"", value) : NULL;
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

/* The number of items in the list; 0 for an empty list, -1 for a malformed one. */
static int
count_items(const char *value)
{
	char *copy = pstrdup(value);
	char *list = copy;
	int count = 0;

	while (is_space(*list))
		list++;
	while (list && (*list || count > 0))
	{
		if (cut_item(&list) == NULL)
			return -1;
		count++;
	}
	pfree(copy);
	return count;
}

/* The server's error for one item of the list in value; NULL: none. */
static const char *
check_radius_item(const Check *check, const char *name, const char *item, const char *value)
{
	/* NOLINTNEXTLINE(cert-err34-c): PostgreSQL reads it so, in parse_hba_auth_opt */
	if (strcmp(name, "radiusports") == 0 && atoi(item) == 0)
		return psprintf("invalid RADIUS port number: \"%s\"", value);
	if (strcmp(name, "radiusservers") == 0 && check->reader && check->reader->radius_error)
		return check->reader->radius_error(check->reader->arg, item);
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
check_radius_list(Check *check, const char *name, const char *value)
{
	/* the server splits the whole list before it looks at an item */
	int count = count_items(value);
	char *copy = pstrdup(value);
	char *list = copy;
	const char *error = NULL;

	if (count < 0)
		return radius_list_error(name, value);
	while (is_space(*list))
		list++;
	for (int i = 0; i < count && error == NULL; i++)
		error = check_radius_item(check, name, cut_item(&list), value);
	pfree(copy);
	return error;
}

/* ---- the table ---- */

static const CastsslHbaOption options[] = {
	/* as the server shows them, in its order */
	{ "include_realm", GSS | SSPI, ALWAYS, CASTSSL_HBA_FLAG },
	{ "krb_realm", GSS | SSPI, ALWAYS, CASTSSL_HBA_TEXT },
	{ "map", IDENT | PEER | GSS | SSPI | CERT | OAUTH, ALWAYS, CASTSSL_HBA_TEXT },
	{ "clientcert", ANY, ALWAYS, CASTSSL_HBA_CLIENTCERT, .check = check_clientcert },
	{ "pamservice", PAM, ALWAYS, CASTSSL_HBA_TEXT },
	{ "ldapurl", LDAP, ALWAYS, CASTSSL_HBA_TEXT, .check = check_ldapurl },
	{ "ldapserver", LDAP, ALWAYS, CASTSSL_HBA_TEXT },
	{ "ldapport", LDAP, ALWAYS, CASTSSL_HBA_NUMBER, .check = check_ldapport },
	{ "ldapscheme", LDAP, ALWAYS, CASTSSL_HBA_TEXT },
	{ "ldaptls", LDAP, ALWAYS, CASTSSL_HBA_FLAG },
	{ "ldapprefix", LDAP, ALWAYS, CASTSSL_HBA_TEXT },
	{ "ldapsuffix", LDAP, ALWAYS, CASTSSL_HBA_TEXT },
	{ "ldapbasedn", LDAP, ALWAYS, CASTSSL_HBA_TEXT },
	{ "ldapbinddn", LDAP, ALWAYS, CASTSSL_HBA_TEXT },
	{ "ldapbindpasswd", LDAP, ALWAYS, CASTSSL_HBA_TEXT, .secret = true },
	{ "ldapsearchattribute", LDAP, ALWAYS, CASTSSL_HBA_TEXT },
	{ "ldapsearchfilter", LDAP, ALWAYS, CASTSSL_HBA_TEXT },
	{ "ldapscope", 0, ALWAYS, CASTSSL_HBA_SCOPE }, /* shown, but not an option */
	{ "radiusservers", RADIUS, 0, 18, CASTSSL_HBA_TEXT, .check = check_radius_list },
	{ "radiussecrets", RADIUS, 0, 18, CASTSSL_HBA_TEXT, .check = check_radius_list,
	  .secret = true },
	{ "radiusidentifiers", RADIUS, 0, 18, CASTSSL_HBA_TEXT, .check = check_radius_list },
	{ "radiusports", RADIUS, 0, 18, CASTSSL_HBA_TEXT, .check = check_radius_list },
	{ "issuer", OAUTH, 18, 99, CASTSSL_HBA_TEXT },
	{ "scope", OAUTH, 18, 99, CASTSSL_HBA_TEXT },
	{ "validator", OAUTH, 18, 99, CASTSSL_HBA_TEXT },
	{ "delegate_ident_mapping", OAUTH, 18, 99, CASTSSL_HBA_FLAG },
	/* in effect, but not shown by the server */
	{ "clientname", ANY, 14, 99, CASTSSL_HBA_NOT_CN, .check = check_clientname },
	{ "pam_use_hostname", PAM, ALWAYS, CASTSSL_HBA_FLAG_WRITTEN },
	{ "compat_realm", SSPI, ALWAYS, CASTSSL_HBA_TEXT },
	{ "upn_username", SSPI, ALWAYS, CASTSSL_HBA_FLAG_WRITTEN },
	{ "validator.", OAUTH, 19, 99, CASTSSL_HBA_PREFIX }, /* the validator's own */
};

const CastsslHbaOption *
castssl_hba_known_options(int *count)
{
	*count = lengthof(options);
	return options;
}

static const CastsslHbaOption *
find_option(const char *name, size_t length, int version)
{
	for (int i = 0; i < lengthof(options); i++)
	{
		const CastsslHbaOption *option = &options[i];
		size_t compared =
			option->form == CASTSSL_HBA_PREFIX ? Min(strlen(option->name), length) : length;

		if (strncmp(option->name, name, compared) == 0 && option->name[compared] == '\0' &&
			option->methods != 0 && version >= option->since && version <= option->until)
			return option;
	}
	return NULL;
}

/* "ident, peer, gssapi, sspi, and cert": how the server names methods.  Palloc'd. */
static char *
method_names(int bits, int version)
{
	const char *names[lengthof(methods)];
	int count = 0;
	char *result;

	for (int i = 0; i < lengthof(methods); i++)
	{
		if ((bits & methods[i].bit) && version >= methods[i].since && version <= methods[i].until)
			names[count++] = methods[i].bit == GSS ? "gssapi" : methods[i].name;
	}
	result = pstrdup(names[0]);
	for (int i = 1; i < count; i++)
		result = psprintf("%s%s%s%s", result, count > 2 ? "," : "", i == count - 1 ? " and " : " ",
						  names[i]);
	return result;
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
castssl_hba_method_takes_password(const char *method)
{
	return castssl_hba_same(method, "scram-sha-256") || castssl_hba_same(method, "md5") ||
		   castssl_hba_same(method, "password");
}

bool
castssl_hba_method_is_unsupported(const char *method)
{
	return castssl_hba_same(method, "bsd") ||
		   (castssl_hba_same(method, "sspi") && !CASTSSL_HAS_SSPI);
}

bool
castssl_hba_option_fits(const char *text, const char *method_name, int version)
{
	const CastsslHbaOption *option = find_option(text, strcspn(text, "="), version);
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

const char *
castssl_hba_rule_option(const CastsslHbaRule *rule, const char *name)
{
	for (int i = rule->options.count - 1; i >= 0; i--)
	{
		const char *value = castssl_hba_option_value(rule->options.items[i].string, name);

		if (value)
			return value;
	}
	return NULL;
}

const char *
castssl_hba_rule_map(const CastsslHbaRule *rule)
{
	const char *map = rule->error ? NULL : castssl_hba_rule_option(rule, "map");

	return map && map[0] != '\0' ? map : NULL;
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

/* The option of that name in any major; NULL for a name of the validator's own. */
static const CastsslHbaOption *
find_any(const char *name, size_t length)
{
	for (int i = 0; i < lengthof(options); i++)
	{
		if (strlen(options[i].name) == length && memcmp(options[i].name, name, length) == 0 &&
			options[i].methods != 0 && options[i].form != CASTSSL_HBA_PREFIX)
			return &options[i];
	}
	return NULL;
}

bool
castssl_hba_option_is_known(const char *name, size_t length)
{
	return find_any(name, length) != NULL;
}

bool
castssl_hba_option_is_harmless(const char *name, size_t length)
{
	const CastsslHbaOption *option = find_any(name, length);

	return option != NULL && !option->secret;
}

/* ---- the options of a rule ---- */

static const char *
check_option(Check *check, const char *text)
{
	const char *value = strchr(text, '=');
	int length = value ? (int) (value - text) : 0;
	const CastsslHbaOption *option;

	if (value == NULL)
		return psprintf("authentication option not in name=value format: %s", text);
	option = find_option(text, length, check->version);
	if (option && !(option->methods & check->method))
		return psprintf(
			"authentication option \"%.*s\" is only valid for authentication methods %s", length,
			text, method_names(option->methods, check->version));
	if (option == NULL ||
		(option->form == CASTSSL_HBA_PREFIX &&
		 !is_validator_name(text + strlen(option->name), length - strlen(option->name))))
		return psprintf("unrecognized authentication option name: \"%.*s\"", length, text);
	return option->check ? option->check(check, option->name, value + 1) : NULL;
}

static bool
has(const Check *check, const char *name)
{
	return castssl_hba_rule_option(check->rule, name) != NULL;
}

static const char *
check_ldap(const Check *check)
{
	bool base = has(check, "ldapbasedn") || check->url.has_dn;
	bool attribute = has(check, "ldapsearchattribute") || check->url.has_attribute;
	bool filter = has(check, "ldapsearchfilter") || check->url.has_filter;

	if (has(check, "ldapprefix") || has(check, "ldapsuffix"))
	{
		if (base || has(check, "ldapbinddn") || has(check, "ldapbindpasswd") || attribute || filter)
			return check->version >= 18
					   ? "cannot mix options for simple bind and search+bind modes"
					   : "cannot use ldapbasedn, ldapbinddn, ldapbindpasswd, ldapsearchattribute, "
						 "ldapsearchfilter, or ldapurl together with ldapprefix";
	}
	else if (!base)
		return "authentication method \"ldap\" requires argument \"ldapbasedn\", \"ldapprefix\", "
			   "or \"ldapsuffix\" to be set";
	if (attribute && filter)
		return "cannot use ldapsearchattribute together with ldapsearchfilter";
	return NULL;
}

static const char *
missing_argument(const char *method, const char *argument)
{
	return psprintf("authentication method \"%s\" requires argument \"%s\" to be set", method,
					argument);
}

/* The number of items of a list that was checked before; 0 if the rule does not have it. */
static int
radius_count(const Check *check, const char *name)
{
	const char *value = castssl_hba_rule_option(check->rule, name);

	return value ? count_items(value) : 0;
}

static const char *
check_radius_count(const Check *check, const char *what, const char *name, int servers)
{
	int count = radius_count(check, name);

	if (count <= 1 || count == servers)
		return NULL;
	return psprintf("the number of RADIUS %s (%d) must be 1 or the same as the number of RADIUS "
					"servers (%d)",
					what, count, servers);
}

static const char *
check_radius(const Check *check)
{
	int servers = radius_count(check, "radiusservers");
	const char *error;

	/* an empty list counts as none */
	if (servers == 0)
		return missing_argument("radius", "radiusservers");
	if (radius_count(check, "radiussecrets") == 0)
		return missing_argument("radius", "radiussecrets");
	error = check_radius_count(check, "secrets", "radiussecrets", servers);
	if (error == NULL)
		error = check_radius_count(check, "ports", "radiusports", servers);
	if (error == NULL)
		error = check_radius_count(check, "identifiers", "radiusidentifiers", servers);
	return error;
}

static const char *
check_oauth(const Check *check)
{
	const char *delegate = castssl_hba_rule_option(check->rule, "delegate_ident_mapping");

	if (!has(check, "scope"))
		return missing_argument("oauth", "scope");
	if (!has(check, "issuer"))
		return missing_argument("oauth", "issuer");
	if (delegate && strcmp(delegate, "1") == 0 && has(check, "map"))
		return "map cannot be used in combination with delegate_ident_mapping";
	return NULL;
}

const char *
castssl_hba_options_check(CastsslHbaRule *rule, int version, const CastsslHbaReader *reader)
{
	int method = bit_of(rule->method);
	Check check;

	rule->clientcert = CASTSSL_CLIENTCERT_NONE;
	/* a short cut for nearly all rules */
	if (rule->options.count == 0 && (method & (CERT | LDAP | RADIUS | OAUTH)) == 0)
		return NULL;
	check = (Check){ .rule = rule, .reader = reader, .version = version, .method = method };
	for (int i = 0; i < rule->options.count; i++)
	{
		const char *error = check_option(&check, rule->options.items[i].string);

		if (error)
			return error;
	}
	switch (method)
	{
		case CERT:
			rule->clientcert = CASTSSL_CLIENTCERT_VERIFY_FULL;
			return NULL;
		case LDAP:
			return check_ldap(&check);
		case RADIUS:
			return check_radius(&check);
		case OAUTH:
			return check_oauth(&check);
		default:
			return NULL;
	}
}
