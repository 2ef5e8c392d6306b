/*
 * outcome.c
 *		What a rule does with a connection that it matches, and how two rules differ in it.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "lib/stringinfo.h"

#include "hba/match/outcome.h"
#include "hba/text/mask.h"
#include "hba/text/options.h"

const char *
castssl_hba_change_name(CastsslHbaChange change)
{
	switch (change)
	{
		case CASTSSL_HBA_NEWLY_ADMITTED:
			return "newly admitted";
		case CASTSSL_HBA_ADMITTED_WITHOUT_PROOF:
			return "admitted without proof";
		case CASTSSL_HBA_NEWLY_REFUSED:
			return "newly refused";
		case CASTSSL_HBA_MAY_FALL_BACK:
			return "may fall back to plaintext";
		case CASTSSL_HBA_CERTIFICATE_NOW_REQUIRED:
			return "client certificate now required";
		case CASTSSL_HBA_CERTIFICATE_NO_LONGER_REQUIRED:
			return "client certificate no longer required";
		case CASTSSL_HBA_METHOD_CHANGED:
			return "method changed";
	}
	return ""; /* LCOV_EXCL_LINE: all values are above */
}

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Is there a later option of the same name, which overrides this one? */
static bool
is_overridden(const CastsslHbaTokens *options, int i)
{
	const char *option = options->items[i].string;
	const char *equals = strchr(option, '=');
	size_t length = equals == NULL ? strlen(option) : equals - option + 1;

	for (int j = i + 1; j < options->count; j++)
		/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the name alone, where it has one */
		if (strncmp(options->items[j].string, option, length) == 0)
			return true;
	return false;
}

/*
 * The options that matter for the outcome.  clientcert is left out, because the outcome has a
 * field for it; so are the default clientname=CN and overridden options.  The rest is sorted,
 * because the order has no effect.  An ldapurl sets the same values as other options: then the
 * order matters, and all options stay as they are.
 */
static int
relevant_options(const CastsslHbaTokens *options, const char **relevant)
{
	int count = 0;
	bool ordered = false;

	for (int i = 0; i < options->count; i++)
		ordered = ordered || castssl_hba_option_value(options->items[i].string, "ldapurl");
	for (int i = 0; i < options->count; i++)
	{
		const char *option = options->items[i].string;

		if (castssl_hba_option_value(option, "clientcert") || strcmp(option, "clientname=CN") == 0)
			continue;
		if (ordered || !is_overridden(options, i))
			relevant[count++] = option;
	}
	if (!ordered && count > 1)
		qsort(relevant, count, sizeof(char *), compare_strings);
	return count;
}

/* Does the rule (NULL: no line) let nobody in? */
static bool
refuses(const CastsslHbaRule *rule)
{
	return rule == NULL || strcmp(rule->method, "reject") == 0 || rule->map_is_missing;
}

CastsslHbaOutcome
castssl_hba_outcome(const CastsslHbaRule *rule)
{
	CastsslHbaOutcome outcome = { false, CASTSSL_CLIENTCERT_NONE, "" };
	StringInfoData text;
	const char **options;
	int noptions;

	if (refuses(rule))
	{
		outcome.refused = true;
		return outcome;
	}
	outcome.clientcert = rule->clientcert;
	outcome.method = rule->method;
	if (rule->options.count == 0)
		return outcome;
	initStringInfo(&text);
	appendStringInfoString(&text, rule->method);
	options = palloc(rule->options.count * sizeof(char *));
	noptions = relevant_options(&rule->options, options);
	for (int i = 0; i < noptions; i++)
		appendStringInfo(&text, "\n%s", options[i]);
	pfree(options);
	outcome.method = pstrdup(text.data);
	pfree(text.data);
	return outcome;
}

bool
castssl_hba_same_outcome(const CastsslHbaRule *a, const CastsslHbaRule *b)
{
	CastsslHbaRule rules[2] = { *a, *b };
	CastsslHbaOutcome outcomes[2];
	CastsslHbaChange change;

	for (int i = 0; i < 2; i++)
	{
		rules[i].map_is_missing = false;
		outcomes[i] = castssl_hba_outcome(&rules[i]);
	}
	return !castssl_hba_outcome_change(&outcomes[0], &outcomes[1], &change);
}

/*
 * How much a client must prove: 2 that it is the user, 1 that it has any certificate of the CA,
 * 0 nothing.  outcome->method has the method in its first line and options in the next ones.
 */
static int
proof(const CastsslHbaOutcome *outcome)
{
	if (strcspn(outcome->method, "\n") != strlen("trust") ||
		strncmp(outcome->method, "trust", strlen("trust")) != 0)
		return 2;
	if (outcome->clientcert == CASTSSL_CLIENTCERT_VERIFY_FULL)
		return 2;
	return outcome->clientcert == CASTSSL_CLIENTCERT_NONE ? 0 : 1;
}

bool
castssl_hba_outcome_change(const CastsslHbaOutcome *before, const CastsslHbaOutcome *after,
						   CastsslHbaChange *change)
{
	bool asked = before->clientcert != CASTSSL_CLIENTCERT_NONE;
	bool asks = after->clientcert != CASTSSL_CLIENTCERT_NONE;

	if (before->refused && after->refused)
		return false;
	if (before->refused)
		*change = CASTSSL_HBA_NEWLY_ADMITTED;
	else if (after->refused)
		*change = CASTSSL_HBA_NEWLY_REFUSED;
	else if (proof(after) < proof(before))
		*change = CASTSSL_HBA_ADMITTED_WITHOUT_PROOF;
	else if (!asked && asks)
		*change = CASTSSL_HBA_CERTIFICATE_NOW_REQUIRED;
	else if (asked && !asks)
		*change = CASTSSL_HBA_CERTIFICATE_NO_LONGER_REQUIRED;
	else if (strcmp(before->method, after->method) != 0 || before->clientcert != after->clientcert)
		*change = CASTSSL_HBA_METHOD_CHANGED;
	else
		return false;
	return true;
}

char *
castssl_hba_outcome_text(const CastsslHbaRule *rule)
{
	StringInfoData text;

	if (rule == NULL || strcmp(rule->method, "reject") == 0)
		return pstrdup("refused");
	initStringInfo(&text);
	if (rule->map_is_missing)
		appendStringInfoString(&text, "refused, because pg_ident.conf has no such map: ");
	appendStringInfoString(&text, rule->method);
	for (int i = 0; i < rule->options.count; i++)
	{
		const char *option = rule->options.items[i].string;

		if (castssl_hba_option_value(option, "clientcert") == NULL)
			appendStringInfo(&text, " %s", castssl_hba_mask_option(option));
	}
	if (rule->clientcert != CASTSSL_CLIENTCERT_NONE && strcmp(rule->method, "cert") != 0)
		appendStringInfo(&text, " clientcert=%s", castssl_clientcert_name(rule->clientcert));
	return text.data;
}
