/*
 * shown.c
 *		The options of a rule as the server shows them.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/text/shown.h"

/* How a value is shown. */
typedef enum Form
{
	TEXT,
	NUMBER,
	FLAG,         /* "true" if it is 1, else not shown */
	FLAG_WRITTEN, /* as written if it is 1, else not shown */
	SCOPE,        /* not an option: what ldap has by default */
	CLIENTCERT,   /* what the rule demands, for whatever reason */
	DISTINGUISHED /* shown if it is not the default, CN */
} Form;

static const struct
{
	const char *name;
	Form form;
} options[] = {
	{ "include_realm", FLAG },
	{ "krb_realm", TEXT },
	{ "map", TEXT },
	{ "clientcert", CLIENTCERT },
	{ "pamservice", TEXT },
	{ "ldapurl", TEXT },
	{ "ldapserver", TEXT },
	{ "ldapport", NUMBER },
	{ "ldapscheme", TEXT },
	{ "ldaptls", FLAG },
	{ "ldapprefix", TEXT },
	{ "ldapsuffix", TEXT },
	{ "ldapbasedn", TEXT },
	{ "ldapbinddn", TEXT },
	{ "ldapbindpasswd", TEXT },
	{ "ldapsearchattribute", TEXT },
	{ "ldapsearchfilter", TEXT },
	{ "ldapscope", SCOPE },
	{ "radiusservers", TEXT },
	{ "radiussecrets", TEXT },
	{ "radiusidentifiers", TEXT },
	{ "radiusports", TEXT },
	{ "issuer", TEXT },
	{ "scope", TEXT },
	{ "validator", TEXT },
	{ "delegate_ident_mapping", FLAG },
	/* in force, but the server does not show them */
	{ "clientname", DISTINGUISHED },
	{ "pam_use_hostname", FLAG_WRITTEN },
	{ "compat_realm", TEXT },
	{ "upn_username", FLAG_WRITTEN },
};

/* The rule's last option of that name, as written; NULL without one. */
static const char *
find_option(const CastsslHbaRule *rule, const char *name)
{
	size_t length = strlen(name);

	for (int i = rule->options.count - 1; i >= 0; i--)
	{
		const char *option = rule->options.items[i].string;

		if (strncmp(option, name, length) == 0 && option[length] == '=')
			return option;
	}
	return NULL;
}

/* NULL if it is not shown. */
static const char *
show(const char *option, const char *name, Form form)
{
	const char *value = option + strlen(name) + 1;

	switch (form)
	{
		case TEXT:
			return option;
		case NUMBER:
			/* NOLINTNEXTLINE(cert-err34-c): PostgreSQL keeps what atoi says of it */
			return psprintf("%s=%d", name, atoi(value));
		case FLAG:
			return strcmp(value, "1") == 0 ? psprintf("%s=true", name) : NULL;
		case FLAG_WRITTEN:
			return strcmp(value, "1") == 0 ? option : NULL;
		case DISTINGUISHED:
			return strcmp(value, "CN") == 0 ? NULL : option;
			/* LCOV_EXCL_START: the caller handles these */
		case SCOPE:
		case CLIENTCERT:
			break;
	}
	return NULL;
	/* LCOV_EXCL_STOP */
}

const char **
castssl_hba_shown_options(const CastsslHbaRule *rule, int *count)
{
	bool realm = strcmp(rule->method, "gss") == 0 || strcmp(rule->method, "sspi") == 0;
	bool scope = strcmp(rule->method, "ldap") == 0 && find_option(rule, "ldapurl") == NULL;
	const char **shown;

	*count = 0;
	if (rule->options.count == 0 && !realm && rule->clientcert == CASTSSL_CLIENTCERT_NONE)
		return NULL;
	shown = palloc(lengthof(options) * sizeof(char *));
	for (int i = 0; i < lengthof(options); i++)
	{
		const char *name = options[i].name;
		const char *option = find_option(rule, name);
		const char *text = NULL;

		if (options[i].form == CLIENTCERT && rule->clientcert != CASTSSL_CLIENTCERT_NONE)
			text = psprintf("%s=%s", name, castssl_clientcert_name(rule->clientcert));
		else if (options[i].form == SCOPE && scope)
			text = "ldapscope=2";
		else if (option)
			text = show(option, name, options[i].form);
		else if (realm && strcmp(name, "include_realm") == 0)
			text = "include_realm=true";
		if (text)
			shown[(*count)++] = text;
	}
	return shown;
}
