/*
 * exposure.c
 *		Checks of pg_hba.conf: who comes in from other hosts, and with how little.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/acl.h"

#include "flow/check/checks.h"
#include "flow/check/passwords.h"
#include "flow/check/statements.h"
#include "hba/match/match.h"
#include "hba/text/address.h"
#include "server/account.h"
#include "server/world.h"

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

/* ---- weak proof ---- */

/*
 * Report a rule, with the line that asks for SCRAM instead.  If this would refuse some roles, the
 * hint says to set their passwords first.  Who may not know that gets no statement.
 */
static void
report_method(CastsslCheckScope *scope, const CastsslHbaRule *rule, CastsslSeverity severity,
			  const char *message, bool any_secret)
{
	const char *subject = castssl_check_rule_name(scope, rule);
	const char *change = castssl_check_change(
		scope, rule,
		castssl_check_rewritten(scope, rule, rule->type, rule->clientcert, "scram-sha-256"));
	const char *passwords;

	if (!castssl_check_sees_passwords())
	{
		castssl_check_report(
			scope, severity, subject, message,
			castssl_check_edit_hint(scope,
									"Ask a superuser to run: SELECT * FROM castssl_check();  It "
									"shows the statement, or which roles need a new password "
									"first."));
		return;
	}
	passwords = castssl_check_passwords_first(scope, rule, any_secret);
	if (passwords == NULL)
		castssl_check_report_edit(scope, severity, subject, message, change, CASTSSL_CHECK_APPLY,
								  "Change the method of this line to scram-sha-256, with "
								  "castssl_hba_change() and castssl_hba_apply().");
	else
		castssl_check_report(
			scope, severity, subject, message,
			castssl_check_edit_hint(
				scope, psprintf("%s  Then: %s", passwords,
								castssl_check_in_transaction(
									change ? change : "SELECT castssl_hba_change(...);",
									CASTSSL_CHECK_APPLY))));
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
						  rule->clientcert == CASTSSL_CLIENTCERT_NONE
							  ? "anyone on these addresses can log in without a password (trust)"
							  : "anyone with a client certificate can log in as any user of this "
								"rule (trust)",
						  true);
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
						  takes_plaintext(rule) ? "without TLS the password is sent as clear text"
												: "the server gets the password as clear text",
						  false);
	}
}

bool
castssl_check_takes_md5(const CastsslCheckScope *scope, int i)
{
	const CastsslHbaRule *rule = remote_rule(scope, i);

	return rule && strcmp(rule->method, "md5") == 0;
}

void
castssl_check_hba_md5(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		if (castssl_check_takes_md5(scope, i))
			report_method(scope, &scope->policy->rules[i], CASTSSL_INFO,
						  "md5 passwords are deprecated: a later PostgreSQL will not accept them",
						  false);
	}
}

/* ---- superusers ---- */

/* Does this rule take a superuser: by name, by a group, by a regular expression, or all? */
static bool
takes_superusers(CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	if (scope->world == NULL)
		scope->world = castssl_hba_world();
	if (scope->superusers == NULL)
		scope->superusers = castssl_superuser_names(&scope->nsuperusers);
	for (int i = 0; i < scope->nsuperusers; i++)
	{
		if (castssl_hba_rule_takes_user(rule, scope->policy->version, scope->superusers[i],
										scope->world) == CASTSSL_YES)
			return true;
	}
	return false;
}

/*
 * Are these addresses everybody's: all of them, or a part as large as the whole Internet of IPv6
 * (2000::/3)?  So 0.0.0.0/1 with 128.0.0.0/1 counts as 0.0.0.0/0 does.
 */
static bool
is_anywhere(const CastsslHbaAddress *address)
{
	return address->kind == CASTSSL_HBA_ADDRESS_ALL ||
		   (address->kind == CASTSSL_HBA_ADDRESS_MASK && (address->mask[0] & 0x1F) == 0);
}

/* Does the rule name its users, and are all of them superusers? */
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

/*
 * Report a rule that asks for no certificate.  The edit asks for one if the rule names only
 * superusers.
 */
static void
report_superusers(CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	bool certain = scope->ca_configured && rule->type == CASTSSL_HBA_HOSTSSL && names_only(rule);

	castssl_check_report_edit(
		scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
		"superusers can log in from anywhere without a certificate",
		certain
			? castssl_check_change(scope, rule,
								   castssl_check_rewritten(scope, rule, rule->type,
														   CASTSSL_CLIENTCERT_VERIFY_FULL, NULL))
			: NULL,
		CASTSSL_CHECK_APPLY,
		"Above the first of these lines, add a rule for superusers with the addresses of "
		"administrators.  Below it, add a rule that rejects superusers from elsewhere.  "
		"castssl_hba_add() adds a rule.");
}

void
castssl_check_hba_superusers(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = remote_rule(scope, i);

		if (rule == NULL || !is_anywhere(&rule->address) || !takes_superusers(scope, rule))
			continue;
		if (rule->clientcert == CASTSSL_CLIENTCERT_NONE)
			report_superusers(scope, rule);
		else
			castssl_check_report(
				scope, CASTSSL_INFO, castssl_check_rule_name(scope, rule),
				"superusers with a certificate can log in from anywhere",
				"Give superusers a rule of their own, with the addresses of administrators.");
	}
}
