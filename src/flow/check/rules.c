/*
 * rules.c
 *		Checks of pg_hba.conf.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/words.h"
#include "flow/check/checks.h"
#include "hba/edit/rewrite.h"
#include "hba/match/match.h"
#include "hba/match/outcome.h"
#include "hba/text/address.h"
#include "hba/text/mask.h"
#include "server/hba_files.h"

#define BLOCK "SELECT * FROM castssl_enable(plaintext => 'block', confirm_within => '10 min');"

void
castssl_check_hba_loads(CastsslCheckScope *scope)
{
	const CastsslFindings *findings = &scope->hba_findings;

	for (int i = 0; i < findings->count; i++)
	{
		const char *subject = findings->items[i].subject;
		const char *line = strrchr(subject, ':');

		/* In the main file.  For an included file, the functions take its name as file_name. */
		castssl_check_report(
			scope, CASTSSL_ERROR, subject, findings->items[i].message,
			line && strncmp(subject, HbaFileName, line - subject) == 0
				? psprintf("SELECT castssl_hba_remove(line_number => %s); "
						   "SELECT * FROM castssl_hba_apply(confirm_within => '10 min');",
						   line + 1)
				: "Mend that line, then: SELECT * FROM castssl_reload();");
	}
}

/*
 * A statement that replaces the rule by this line and makes the change live; NULL if no
 * line is known.
 */
static char *
change_hint(const CastsslHbaRule *rule, const char *line)
{
	char *masked;

	if (line == NULL)
		return NULL;
	masked = castssl_hba_mask(line, strlen(line));
	if (strcmp(masked, line) != 0)
		return psprintf("Change line %d with castssl_hba_change().", rule->line_number);
	return castssl_hint_with(
		psprintf("SELECT castssl_hba_change(line_number => %d, rule => %%s); "
				 "SELECT * FROM castssl_hba_apply(confirm_within => '10 min');",
				 rule->line_number),
		castssl_sql_literal(line));
}

/*
 * The text of the rule is named as well, so that no other line goes if lines have moved, by
 * another hint or by hand; not where it may hold a secret.
 */
static char *
remove_hint(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	const CastsslHbaDocument *file = scope->policy->files[rule->file];
	StringInfoData joined;
	size_t length;
	const char *text;
	char *line;
	char *shown;
	char *path = rule->file == 0 ? NULL : castssl_sql_literal(file->path);

	initStringInfo(&joined);
	text = castssl_hba_record_text(file, rule->record, &joined, &length);
	line = pnstrdup(text, length);
	shown = strcmp(castssl_hba_mask(line, length), line) == 0 ? castssl_sql_literal(line) : NULL;
	if (rule->file != 0 && path == NULL)
		return NULL;
	return psprintf("SELECT castssl_hba_remove(line_number => %d%s%s%s%s); "
					"SELECT * FROM castssl_hba_apply(confirm_within => '10 min');",
					rule->line_number, path ? ", file_name => " : "", path ? path : "",
					shown ? ", rule => " : "", shown ? shown : "");
}

/* "line 3, line 7" */
static char *
because_text(const CastsslCheckScope *scope, int rule)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < scope->nbecause[rule] && i < 5; i++)
		appendStringInfo(&text, "%s%d", i ? ", " : "",
						 scope->policy->rules[scope->because[rule][i]].line_number);
	return text.data;
}

/* Does an earlier rule that makes this one unreachable give another answer than this one would? */
static bool
outcome_differs(const CastsslCheckScope *scope, int i)
{
	for (int j = 0; j < scope->nbecause[i]; j++)
	{
		if (!castssl_hba_same_outcome(&scope->policy->rules[scope->because[i][j]],
									  &scope->policy->rules[i]))
			return true;
	}
	return false;
}

/* From the last line up: a removal does not move the lines of the hints behind it. */
void
castssl_check_hba_dead_rules(CastsslCheckScope *scope)
{
	for (int i = scope->policy->nrules - 1; i >= 0; i--)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (scope->dead[i] && scope->nbecause[i] > 0 && !outcome_differs(scope, i))
			castssl_check_report(scope, CASTSSL_INFO, castssl_check_rule_name(scope, rule),
								 psprintf("no connection reaches this rule: line %s answers before",
										  because_text(scope, i)),
								 remove_hint(scope, rule));
	}
}

void
castssl_check_hba_order(CastsslCheckScope *scope)
{
	for (int i = scope->policy->nrules - 1; i >= 0; i--)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (scope->dead[i] && scope->nbecause[i] > 0 && outcome_differs(scope, i))
			castssl_check_report(scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
								 psprintf("this rule has no effect: line %s answers before, and "
										  "otherwise",
										  because_text(scope, i)),
								 psprintf("%s Then add it again above, with castssl_hba_add(..., "
										  "before_line => ...), where it is wanted.",
										  remove_hint(scope, rule)));
	}
}

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

void
castssl_check_hba_plaintext(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = remote_rule(scope, i);

		if (rule && takes_plaintext(rule))
			castssl_check_report(scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
								 "admits unencrypted connections from other hosts", BLOCK);
	}
}

/* Report rules for other hosts with this method, with the line that demands SCRAM instead. */
static void
report_method(CastsslCheckScope *scope, const char *method, CastsslSeverity plaintext,
			  CastsslSeverity encrypted, const char *message)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = remote_rule(scope, i);
		char *problem;

		if (rule && strcmp(rule->method, method) == 0)
			castssl_check_report(scope, takes_plaintext(rule) ? plaintext : encrypted,
								 castssl_check_rule_name(scope, rule), message,
								 change_hint(rule, castssl_hba_rewrite(scope->policy, rule,
																	   rule->type, rule->clientcert,
																	   "scram-sha-256", &problem)));
	}
}

void
castssl_check_hba_trust(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = remote_rule(scope, i);
		char *problem;

		/* With clientcert=verify-full the certificate is the proof, as with method cert. */
		if (rule == NULL || strcmp(rule->method, "trust") != 0 ||
			rule->clientcert == CASTSSL_CLIENTCERT_VERIFY_FULL)
			continue;
		castssl_check_report(
			scope, CASTSSL_ERROR, castssl_check_rule_name(scope, rule),
			"lets in from other hosts whoever names a user",
			change_hint(rule, castssl_hba_rewrite(scope->policy, rule, rule->type, rule->clientcert,
												  "scram-sha-256", &problem)));
	}
}

void
castssl_check_hba_password(CastsslCheckScope *scope)
{
	report_method(scope, "password", CASTSSL_ERROR, CASTSSL_INFO,
				  "the password crosses the network in clear text where TLS does not hide it");
}

void
castssl_check_hba_md5(CastsslCheckScope *scope)
{
	report_method(scope, "md5", CASTSSL_INFO, CASTSSL_INFO,
				  "md5 passwords are deprecated: a later PostgreSQL will not take them");
}

void
castssl_check_hba_tls_off(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules && !scope->ssl; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (!rule->error && rule->type == CASTSSL_HBA_HOSTSSL)
			castssl_check_report(scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
								 "no connection reaches this rule: TLS is off",
								 castssl_check_tls_on_hint(scope));
	}
}

void
castssl_check_hba_clientcert(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules && scope->ssl && !scope->ca_configured; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (!rule->error && rule->clientcert != CASTSSL_CLIENTCERT_NONE)
			castssl_check_report(scope, CASTSSL_ERROR, castssl_check_rule_name(scope, rule),
								 "asks for a client certificate while ssl_ca_file is empty: every "
								 "login is refused",
								 "SELECT * FROM castssl_enable(ca_file => 'root.crt', "
								 "confirm_within => '10 min');");
	}
}

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
		if (anywhere && takes_superusers(rule))
			castssl_check_report(
				scope, rule->clientcert == CASTSSL_CLIENTCERT_NONE ? CASTSSL_WARNING : CASTSSL_INFO,
				castssl_check_rule_name(scope, rule), "superusers may log in from anywhere",
				rule->clientcert == CASTSSL_CLIENTCERT_NONE
					? "SELECT * FROM castssl_enable(clientcert => 'verify-full', plaintext => "
					  "'block', confirm_within => '10 min');"
					: "Name the addresses that administrators use in a rule of their own.");
	}
}

void
castssl_check_hba_replication(CastsslCheckScope *scope)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = remote_rule(scope, i);

		for (int j = 0; rule && takes_plaintext(rule) && j < rule->databases.count; j++)
		{
			if (castssl_hba_is_keyword(&rule->databases.items[j], "replication"))
				castssl_check_report(scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
									 "replication from other hosts may go unencrypted: all of the "
									 "data crosses the network",
									 BLOCK);
		}
	}
}

/* Does this server read the same line as a valid rule? */
static bool
is_good_now(const CastsslCheckScope *scope, const CastsslHbaPolicy *future,
			const CastsslHbaRule *rule)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *now = &scope->policy->rules[i];

		if (now->line_number == rule->line_number &&
			strcmp(scope->policy->files[now->file]->path, future->files[rule->file]->path) == 0)
			return now->error == NULL;
	}
	return true;
}

/* Names that begin with a slash become regular expressions in 16. */
static void
report_slashes(CastsslCheckScope *scope, const CastsslHbaRule *rule, const CastsslHbaTokens *names)
{
	for (int i = 0; i < names->count; i++)
	{
		if (names->items[i].string[0] == '/')
			castssl_check_report(
				scope, CASTSSL_WARNING, castssl_check_rule_name(scope, rule),
				psprintf("from PostgreSQL 16 on \"%s\" is a regular expression, no name",
						 names->items[i].string),
				"Write ^, the name and $ after a slash there once the server is upgraded.");
	}
}

/* MD5 is deprecated since 18: the line still loads. */
static void
report_md5(CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	if (rule->method && strcmp(rule->method, "md5") == 0)
		castssl_check_report(scope, CASTSSL_INFO, castssl_check_rule_name(scope, rule),
							 "from PostgreSQL 18 on MD5 passwords are deprecated: setting one "
							 "brings a warning, and a later major drops them",
							 "Set the passwords anew with password_encryption = 'scram-sha-256', "
							 "then use method scram-sha-256.");
}

/* What the major after the upgrade reads in the same lines. */
void
castssl_check_hba_future(CastsslCheckScope *scope)
{
	CastsslHbaPolicy *future;

	if (scope->target_version <= CASTSSL_SERVER_MAJOR)
		return;
	future = castssl_hba_files_read_as(scope->target_version);
	for (int i = 0; i < future->nrules; i++)
	{
		const CastsslHbaRule *rule = &future->rules[i];

		if (rule->error && is_good_now(scope, future, rule))
			castssl_check_report(
				scope, CASTSSL_WARNING,
				psprintf("%s:%d", future->files[rule->file]->path, rule->line_number),
				psprintf("PostgreSQL %d refuses this line: %s", scope->target_version,
						 rule->error_shown),
				"Change it before the upgrade, with castssl_hba_change() and "
				"castssl_hba_apply().");
	}
	for (int i = 0;
		 i < scope->policy->nrules && CASTSSL_SERVER_MAJOR < 16 && scope->target_version >= 16; i++)
	{
		report_slashes(scope, &scope->policy->rules[i], &scope->policy->rules[i].databases);
		report_slashes(scope, &scope->policy->rules[i], &scope->policy->rules[i].users);
	}
	for (int i = 0;
		 i < scope->policy->nrules && CASTSSL_SERVER_MAJOR < 18 && scope->target_version >= 18; i++)
		report_md5(scope, &scope->policy->rules[i]);
}
