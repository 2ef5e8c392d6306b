/*
 * shown.c
 *		The options of a rule as the server shows them.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/text/options.h"
#include "hba/text/shown.h"

/* An option of the rule as it is shown; NULL if it is not shown. */
static const char *
show(const CastsslHbaOption *option, const char *value)
{
	switch (option->form)
	{
		case CASTSSL_HBA_TEXT:
			break;
		case CASTSSL_HBA_NUMBER:
			/* NOLINTNEXTLINE(cert-err34-c): PostgreSQL keeps what atoi says of it */
			return psprintf("%s=%d", option->name, atoi(value));
		case CASTSSL_HBA_FLAG:
			return strcmp(value, "1") == 0 ? psprintf("%s=true", option->name) : NULL;
		case CASTSSL_HBA_FLAG_WRITTEN:
			if (strcmp(value, "1") != 0)
				return NULL;
			break;
		case CASTSSL_HBA_NOT_CN:
			if (strcmp(value, "CN") == 0)
				return NULL;
			break;
			/* LCOV_EXCL_START: the caller has done these */
		case CASTSSL_HBA_SCOPE:
		case CASTSSL_HBA_CLIENTCERT:
		case CASTSSL_HBA_PREFIX:
			return NULL;
			/* LCOV_EXCL_STOP */
	}
	/* value points into the rule's own string "name=value" */
	return value - strlen(option->name) - 1;
}

/* Show the rule's options whose names begin with prefix; of each name only the last one. */
static void
show_prefix(const CastsslHbaRule *rule, const char *prefix, const char **shown, int *count)
{
	for (int i = 0; i < rule->options.count; i++)
	{
		const char *text = rule->options.items[i].string;
		char *name = pnstrdup(text, strcspn(text, "="));

		if (strncmp(text, prefix, strlen(prefix)) == 0 &&
			castssl_hba_rule_option(rule, name) == text + strlen(name) + 1)
			shown[(*count)++] = text;
		pfree(name);
	}
}

const char **
castssl_hba_shown_options(const CastsslHbaRule *rule, int *count)
{
	bool realm = strcmp(rule->method, "gss") == 0 || strcmp(rule->method, "sspi") == 0;
	bool scope =
		strcmp(rule->method, "ldap") == 0 && castssl_hba_rule_option(rule, "ldapurl") == NULL;
	const CastsslHbaOption *options;
	const char **shown;
	int noptions;

	*count = 0;
	if (rule->options.count == 0 && !realm && rule->clientcert == CASTSSL_CLIENTCERT_NONE)
		return NULL;
	options = castssl_hba_known_options(&noptions);
	shown = palloc((noptions + rule->options.count) * sizeof(char *));
	for (int i = 0; i < noptions; i++)
	{
		const char *name = options[i].name;
		const char *value = castssl_hba_rule_option(rule, name);
		const char *text = NULL;

		if (options[i].form == CASTSSL_HBA_PREFIX)
			show_prefix(rule, name, shown, count);
		else if (options[i].form == CASTSSL_HBA_CLIENTCERT &&
				 rule->clientcert != CASTSSL_CLIENTCERT_NONE)
			text = psprintf("%s=%s", name, castssl_clientcert_name(rule->clientcert));
		else if (options[i].form == CASTSSL_HBA_SCOPE && scope)
			text = "ldapscope=2";
		else if (value)
			text = show(&options[i], value);
		else if (realm && strcmp(name, "include_realm") == 0)
			text = "include_realm=true";
		if (text)
			shown[(*count)++] = text;
	}
	return shown;
}
