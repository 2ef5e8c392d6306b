/*
 * exposure.c
 *		Checks of pg_hba.conf: who comes in from other hosts, and with how little.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "flow/check/checks.h"
#include "flow/check/passwords.h"
#include "flow/check/statements.h"
#include "hba/access/unreachable.h"
#include "hba/edit/rewrite.h"
#include "hba/match/match.h"
#include "hba/text/address.h"
#include "hba/text/write.h"
#include "server/world.h"

/* With more lines than this, one statement for all of them is easier to read. */
#define MOST_STATEMENTS 8

bool
castssl_check_rule_is_remote(const CastsslHbaRule *rule)
{
	static const CastsslHbaAddress loopback[] = {
		{ .kind = CASTSSL_HBA_ADDRESS_MASK, .family = 4, .address = { 127 }, .mask = { 255 } },
		{ .kind = CASTSSL_HBA_ADDRESS_MASK,
		  .family = 6,
		  .address = { [15] = 1 },
		  .mask = { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
					255 } },
	};

	return rule->type != CASTSSL_HBA_LOCAL && rule->address.kind != CASTSSL_HBA_ADDRESS_SAMEHOST &&
		   !(rule->address.kind == CASTSSL_HBA_ADDRESS_NAME &&
			 strcmp(rule->address.name, "localhost") == 0) &&
		   !castssl_hba_address_contains(&loopback[0], &rule->address) &&
		   !castssl_hba_address_contains(&loopback[1], &rule->address);
}

/* The i-th rule if it admits clients from other hosts; else NULL. */
static const CastsslHbaRule *
remote_rule(const CastsslCheckScope *scope, int i)
{
	const CastsslHbaRule *rule = &scope->policy->rules[i];

	if (rule->error || scope->dead[i] || strcmp(rule->method, "reject") == 0 ||
		!castssl_check_rule_is_remote(rule))
		return NULL;
	return rule;
}

static bool
takes_plaintext(const CastsslHbaRule *rule)
{
	return castssl_hba_type_takes(rule->type, 4, CASTSSL_PLAINTEXT);
}

bool
castssl_check_admits_plaintext(const CastsslCheckScope *scope, int i)
{
	const CastsslHbaRule *rule = remote_rule(scope, i);

	return rule && takes_plaintext(rule);
}

/* ---- plaintext ---- */

/* Would the line admit other hosts unencrypted, if something reached it? */
static bool
could_admit_plaintext(const CastsslHbaRule *rule)
{
	return !rule->error && strcmp(rule->method, "reject") != 0 && takes_plaintext(rule) &&
		   castssl_check_rule_is_remote(rule);
}

/* The same line for TLS alone; hostnossl: one that refuses, so that no later line answers. */
static char *
without_plaintext(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	bool never_tls = rule->type == CASTSSL_HBA_HOSTNOSSL;
	char *problem;

	if (rule->type == CASTSSL_HBA_HOST && castssl_hba_gss_possible())
		return NULL;
	return castssl_hba_rewrite(scope->policy, rule,
							   never_tls ? CASTSSL_HBA_HOSTNOSSL : CASTSSL_HBA_HOSTSSL,
							   rule->clientcert, never_tls ? "reject" : NULL, &problem);
}

/* Would nothing of this line be used unencrypted where it stood above the i-th rule? */
static bool
is_useless_above(const CastsslCheckScope *scope, int i, const CastsslHbaRule *line)
{
	CastsslHbaPolicy policy = *scope->policy;
	int *blocking;
	int count;

	policy.rules = palloc((i + 1) * sizeof(CastsslHbaRule));
	memcpy(policy.rules, scope->policy->rules, i * sizeof(CastsslHbaRule));
	policy.rules[i] = *line;
	policy.rules[i].type = CASTSSL_HBA_HOSTNOSSL;
	policy.nrules = i + 1;
	return castssl_hba_is_unreachable(&policy, i, true, castssl_hba_world(), &blocking, &count);
}

/* The rule for one address. */
static char *
for_address(const CastsslHbaRule *rule, const char *address)
{
	StringInfoData line;

	initStringInfo(&line);
	appendStringInfo(&line, "%s ", castssl_hba_type_name(rule->type));
	castssl_hba_write_tokens(&line, &rule->databases);
	appendStringInfoChar(&line, ' ');
	castssl_hba_write_tokens(&line, &rule->users);
	appendStringInfo(&line, " %s %s", address, rule->method);
	for (int i = 0; i < rule->options.count; i++)
	{
		appendStringInfoChar(&line, ' ');
		castssl_hba_write_token(&line, &rule->options.items[i]);
	}
	return line.data;
}

/*
 * Statements that keep a line for clients of this host, above the rule that is for others, too.
 * False: one cannot be pasted.
 */
static bool
keep_own_clients(const CastsslCheckScope *scope, int i, StringInfo all)
{
	static const char *const own[] = { "::1/128", "127.0.0.1/32" };
	const CastsslHbaRule *rule = &scope->policy->rules[i];

	for (int n = 0; n < lengthof(own); n++)
	{
		CastsslHbaRule line = *rule;
		char *text;
		char *statement;

		(void) castssl_hba_address_parse(own[n], &line.address, &text);
		if ((rule->address.kind != CASTSSL_HBA_ADDRESS_SAMENET &&
			 !castssl_hba_address_contains(&rule->address, &line.address)) ||
			is_useless_above(scope, i, &line))
			continue;
		statement = castssl_check_add(scope, rule, for_address(rule, own[n]));
		if (statement == NULL)
			return false;
		appendStringInfo(all, " %s", statement);
	}
	return true;
}

/*
 * Statements that take plaintext from other hosts, and nothing else: from the last line up, so
 * that none moves another.  Lines that nothing reaches are among them: they would be reached
 * then.  Where that is not so simple, castssl_hba_require_tls knows how; it does the same to
 * clients of this host.
 */
static const char *
block_statements(const CastsslCheckScope *scope)
{
	StringInfoData all;
	int count = 0;

	initStringInfo(&all);
	for (int i = scope->policy->nrules - 1; i >= 0; i--)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];
		const char *change = NULL;

		if (!rule->error && rule->type != CASTSSL_HBA_LOCAL &&
			rule->address.kind == CASTSSL_HBA_ADDRESS_SAMEHOST)
			count = MOST_STATEMENTS;
		if (!could_admit_plaintext(rule))
			continue;
		if (count++ < MOST_STATEMENTS)
			change = castssl_check_change(scope, rule, without_plaintext(scope, rule));
		if (change)
			appendStringInfo(&all, "%s%s", all.len ? " " : "", change);
		if (change == NULL || !keep_own_clients(scope, i, &all))
			return "SELECT castssl_hba_require_tls(plaintext => 'block');";
	}
	return all.data;
}

/* One row for all lines; before TLS is on, nobody could come in otherwise. */
static void
report_plaintext(CastsslCheckScope *scope, const bool *found, const char *message)
{
	char *names = castssl_check_rule_names(scope, found);

	if (names)
		castssl_check_report_edit(scope, CASTSSL_WARNING, names, message,
								  scope->ssl ? block_statements(scope) : NULL, CASTSSL_CHECK_APPLY,
								  castssl_check_tls_on_hint(scope));
}

static bool *
no_rules(const CastsslCheckScope *scope)
{
	return palloc0(Max(scope->policy->nrules, 1) * sizeof(bool));
}

void
castssl_check_hba_plaintext(CastsslCheckScope *scope)
{
	bool *found = no_rules(scope);

	for (int i = 0; i < scope->policy->nrules; i++)
		found[i] = castssl_check_admits_plaintext(scope, i);
	report_plaintext(scope, found, "clients of other hosts can connect unencrypted");
}

void
castssl_check_hba_replication(CastsslCheckScope *scope)
{
	bool *found = no_rules(scope);

	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaTokens *databases = &scope->policy->rules[i].databases;

		for (int j = 0; j < databases->count && castssl_check_admits_plaintext(scope, i); j++)
			found[i] |= castssl_hba_is_keyword(&databases->items[j], "replication");
	}
	report_plaintext(scope, found,
					 "standbys of other hosts can connect unencrypted: all data is readable");
}

/* ---- weak proof ---- */

/*
 * Report a rule, with the line that asks for SCRAM instead.  Who could not log in any more comes
 * first.
 */
static void
report_method(CastsslCheckScope *scope, const CastsslHbaRule *rule, CastsslSeverity severity,
			  const char *message, bool any_secret)
{
	const char *subject = castssl_check_rule_name(scope, rule);
	char *problem;
	const char *change =
		castssl_check_change(scope, rule,
							 castssl_hba_rewrite(scope->policy, rule, rule->type, rule->clientcert,
												 "scram-sha-256", &problem));
	const char *roles = castssl_check_roles_without_scram(scope, rule, any_secret);

	if (roles == NULL)
		castssl_check_report_edit(
			scope, severity, subject, message, change, CASTSSL_CHECK_APPLY,
			"Have this line say scram-sha-256, with castssl_hba_change() and castssl_hba_apply().");
	else
		castssl_check_report(
			scope, severity, subject, message,
			psprintf("First set the passwords of %s (" CASTSSL_CHECK_SET_PASSWORD
					 "): scram-sha-256 would refuse these roles.  Then: %s" CASTSSL_CHECK_APPLY,
					 roles, change ? change : "SELECT castssl_hba_change(...);"));
}

void
castssl_check_hba_trust(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = remote_rule(scope, i);

		/* With clientcert=verify-full the certificate is the proof, as with method cert. */
		if (rule && strcmp(rule->method, "trust") == 0 &&
			rule->clientcert != CASTSSL_CLIENTCERT_VERIFY_FULL)
			report_method(scope, rule, CASTSSL_ERROR,
						  "anyone on these addresses can log in without a password (trust)", true);
	}
}

void
castssl_check_hba_password(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = remote_rule(scope, i);

		if (rule && strcmp(rule->method, "password") == 0)
			report_method(scope, rule, takes_plaintext(rule) ? CASTSSL_ERROR : CASTSSL_INFO,
						  "without TLS the password is sent as clear text", false);
	}
}

void
castssl_check_hba_md5(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = remote_rule(scope, i);

		if (rule && strcmp(rule->method, "md5") == 0)
			report_method(scope, rule, CASTSSL_INFO,
						  "md5 passwords are deprecated: a later PostgreSQL will not take them",
						  false);
	}
}

/* ---- superusers ---- */

/* May this rule admit a superuser by name, or everybody? */
static bool
takes_superusers(const CastsslHbaRule *rule)
{
	for (int i = 0; i < rule->users.count; i++)
	{
		const CastsslHbaToken *user = &rule->users.items[i];
		Oid role;

		if (castssl_hba_is_keyword(user, "all"))
			return true;
		role = get_role_oid(user->string, true);
		if (OidIsValid(role) && superuser_arg(role))
			return true;
	}
	return false;
}

/* Are all its users superusers, and named? */
static bool
names_only(const CastsslHbaRule *rule)
{
	for (int i = 0; i < rule->users.count; i++)
	{
		Oid role = get_role_oid(rule->users.items[i].string, true);

		if (!OidIsValid(role) || !superuser_arg(role))
			return false;
	}
	return true;
}

/* The hint for a rule that asks no certificate: ask for one where only superusers are meant. */
static void
report_superusers(CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	char *problem;
	bool certain = scope->ca_configured && rule->type == CASTSSL_HBA_HOSTSSL && names_only(rule);

	castssl_check_report_edit(
		scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
		"superusers can log in from anywhere without a certificate",
		certain ? castssl_check_change(scope, rule,
									   castssl_hba_rewrite(scope->policy, rule, rule->type,
														   CASTSSL_CLIENTCERT_VERIFY_FULL, NULL,
														   &problem))
				: NULL,
		CASTSSL_CHECK_APPLY,
		"Name the addresses that administrators use in a rule for superusers above the first of "
		"these "
		"lines, and put a rule that rejects superusers from elsewhere below it, with "
		"castssl_hba_add().");
}

void
castssl_check_hba_superusers(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = remote_rule(scope, i);
		bool anywhere;

		if (rule == NULL)
			continue;
		anywhere = rule->address.kind == CASTSSL_HBA_ADDRESS_ALL ||
				   (rule->address.kind == CASTSSL_HBA_ADDRESS_MASK && rule->address.mask[0] == 0);
		if (!anywhere || !takes_superusers(rule))
			continue;
		if (rule->clientcert == CASTSSL_CLIENTCERT_NONE)
			report_superusers(scope, rule);
		else
			castssl_check_report(scope, CASTSSL_INFO, castssl_check_rule_name(scope, rule),
								 "superusers may log in from anywhere",
								 "Name the addresses that administrators use in a rule of their "
								 "own.");
	}
}
