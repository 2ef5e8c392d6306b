/*
 * plaintext.c
 *		Checks of pg_hba.conf: who comes in from other hosts without encryption.
 *
 * The edits stop plaintext of the lines of the row, and nothing else: clients of this host keep
 * what they have.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "flow/check/checks.h"
#include "flow/check/statements.h"
#include "hba/access/unreachable.h"
#include "hba/edit/twins.h"
#include "hba/match/match.h"
#include "hba/text/address.h"
#include "hba/text/write.h"
#include "server/world.h"

/* With more lines than this, nobody reads their statements. */
#define MOST_STATEMENTS 20

#define REQUIRE_TLS "SELECT castssl_hba_require_tls(plaintext => 'block');"

/* May the rule admit clients that come by TCP without encryption, if something reaches it? */
static bool
takes_plaintext(const CastsslHbaRule *rule)
{
	return !rule->error && strcmp(rule->method, "reject") != 0 &&
		   castssl_hba_type_takes(rule->type, 4, CASTSSL_PLAINTEXT);
}

/* The same for clients of other hosts. */
static bool
could_admit(const CastsslHbaRule *rule)
{
	return takes_plaintext(rule) && castssl_check_rule_is_remote(rule);
}

bool
castssl_check_admits_plaintext(const CastsslCheckScope *scope, int i)
{
	return !scope->dead[i] && could_admit(&scope->policy->rules[i]);
}

/* ---- clients of this host ---- */

static const char *const own[] = { "::1/128", "127.0.0.1/32" };

static CastsslHbaAddress
own_address(int n)
{
	CastsslHbaAddress address = { 0 };
	char *text;

	(void) castssl_hba_address_parse(own[n], &address, &text);
	return address;
}

/* Would no plaintext client reach this line if it stood above the i-th rule? */
static bool
is_useless_above(const CastsslCheckScope *scope, int i, const CastsslHbaRule *line)
{
	CastsslHbaPolicy policy = *scope->policy;
	int *blocking = NULL;
	int count;
	bool useless;

	policy.rules = palloc((i + 1) * sizeof(CastsslHbaRule));
	memcpy(policy.rules, scope->policy->rules, i * sizeof(CastsslHbaRule));
	policy.rules[i] = *line;
	policy.rules[i].type = CASTSSL_HBA_HOSTNOSSL;
	policy.nrules = i + 1;
	useless = castssl_hba_is_unreachable(&policy, i, true, castssl_hba_world(), &blocking, &count);
	/* there may be many rules, and each asks */
	pfree(policy.rules);
	if (blocking)
		pfree(blocking);
	return useless;
}

static bool
takes_address(const CastsslHbaRule *rule, const CastsslHbaAddress *address)
{
	return rule->address.kind == CASTSSL_HBA_ADDRESS_SAMENET ||
		   castssl_hba_address_contains(&rule->address, address);
}

/* Does the i-th rule answer plaintext clients with the n-th address of this host? */
static bool
answers(const CastsslCheckScope *scope, int i, int n)
{
	const CastsslHbaRule *rule = &scope->policy->rules[i];
	CastsslHbaRule line = *rule;

	line.address = own_address(n);
	return takes_address(rule, &line.address) && !is_useless_above(scope, i, &line);
}

/* Does it answer plaintext clients of this host? */
static bool
answers_own(const CastsslCheckScope *scope, int i)
{
	for (int n = 0; n < lengthof(own); n++)
	{
		if (answers(scope, i, n))
			return true;
	}
	return false;
}

static bool
is_own_address(const CastsslHbaAddress *given)
{
	for (int n = 0; n < lengthof(own); n++)
	{
		CastsslHbaAddress address = own_address(n);

		if (castssl_hba_address_equal(given, &address))
			return true;
	}
	return false;
}

/* Could it, by its address? */
static bool
takes_own(const CastsslHbaRule *rule)
{
	for (int n = 0; n < lengthof(own); n++)
	{
		CastsslHbaAddress address = own_address(n);

		if (takes_address(rule, &address))
			return true;
	}
	return false;
}

/* ---- which lines ---- */

static bool
is_blocked_by(const CastsslCheckScope *scope, int i, const bool *marked)
{
	for (int j = 0; scope->dead[i] && j < scope->nbecause[i]; j++)
	{
		if (marked[scope->because[i][j]])
			return true;
	}
	return false;
}

/*
 * Mark the lines to edit, too, that nobody reaches only because of a marked line: they would
 * answer afterwards.
 */
static bool *
with_hidden_lines(const CastsslCheckScope *scope, const bool *found)
{
	bool *edited = palloc0(Max(scope->policy->nrules, 1) * sizeof(bool));

	for (int i = 0; i < scope->policy->nrules; i++)
		edited[i] =
			found[i] || (could_admit(&scope->policy->rules[i]) && is_blocked_by(scope, i, edited));
	return edited;
}

/* Does any of these rules also decide for connections to databases, beside replication? */
static bool
any_for_databases(const CastsslHbaRule *rule)
{
	for (int i = 0; i < rule->databases.count; i++)
	{
		if (!castssl_hba_is_keyword(&rule->databases.items[i], "replication"))
			return true;
	}
	return false;
}

/*
 * Could a line that stays answer plaintext clients whom a marked line answers now?  It may ask
 * for less proof.
 */
static bool
another_would_answer(const CastsslCheckScope *scope, const bool *marked)
{
	bool any = false;       /* is a line above marked, */
	bool databases = false; /* also for connections to databases, */
	bool loopback = false;  /* or for clients with addresses of own? */

	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (marked[i])
		{
			any = true;
			databases = databases || any_for_databases(rule);
			loopback = loopback || answers_own(scope, i);
		}
		else if (!takes_plaintext(rule))
			continue;
		else if (castssl_check_rule_is_remote(rule) ? databases && !scope->dead[i]
				 : rule->address.kind == CASTSSL_HBA_ADDRESS_SAMEHOST
					 ? any
					 : loopback && rule->address.kind == CASTSSL_HBA_ADDRESS_MASK &&
						   !is_own_address(&rule->address))
			return true;
	}
	return false;
}

/* ---- statements ---- */

/*
 * The same line for TLS alone; for hostnossl, a line that rejects, so that no later line answers.
 * NULL if it cannot be written.
 */
static char *
for_tls_alone(const CastsslCheckScope *scope, const CastsslHbaRule *rule)
{
	if (rule->type == CASTSSL_HBA_HOSTNOSSL)
		return castssl_check_rewritten(scope, rule, rule->type, CASTSSL_CLIENTCERT_NONE, "reject");
	return castssl_check_rewritten(scope, rule, CASTSSL_HBA_HOSTSSL, rule->clientcert, NULL);
}

/* The text of the rule with another address. */
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
 * Append statements that add lines of this type for clients of this host above another line, so
 * that those whom the i-th rule answers keep plaintext.  holds is the text that the other line has
 * by then.  False: one cannot be pasted.
 */
static bool
keep_own_clients(const CastsslCheckScope *scope, int i, CastsslHbaType type,
				 const CastsslHbaRule *above, const char *holds, StringInfo all)
{
	CastsslHbaRule rule = scope->policy->rules[i];

	rule.type = type;
	for (int n = 0; n < lengthof(own); n++)
	{
		char *own_line;
		char *statement;

		if (!answers(scope, i, n))
			continue;
		own_line = for_address(&rule, own[n]);
		statement = holds ? castssl_check_add(scope, above, own_line, holds) : NULL;
		if (statement == NULL)
			return false;
		holds = own_line;
		appendStringInfo(all, " %s", statement);
	}
	return true;
}

/*
 * Append the statements that stop plaintext of the i-th rule.  False: there are none that can be
 * pasted, or the rule also answers clients with GSSAPI encryption.  If a hostssl line for the same
 * clients stands above it (its twin), the rule goes: castssl_hba_remove() comments it out if
 * castssl wrote that line, as castssl_enable(plaintext => 'block') does.
 */
static bool
stop_plaintext(const CastsslCheckScope *scope, int i, StringInfo all)
{
	const CastsslHbaRule *rule = &scope->policy->rules[i];
	const CastsslHbaRule *twin = castssl_hba_twin(scope->policy, rule);
	const char *line = twin ? castssl_check_rule_text(scope, twin) : for_tls_alone(scope, rule);
	const char *statement =
		twin ? castssl_check_remove(scope, rule) : castssl_check_change(scope, rule, line);

	if (statement == NULL ||
		(castssl_hba_gss_possible() && (twin || rule->type == CASTSSL_HBA_HOST)))
		return false;
	appendStringInfo(all, "%s%s", all->len ? " " : "", statement);
	return keep_own_clients(scope, i, twin ? CASTSSL_HBA_HOSTNOSSL : rule->type, twin ? twin : rule,
							line, all);
}

/* From the last line up, so that no statement moves the line of another.  NULL: there are none. */
static const char *
line_by_line(const CastsslCheckScope *scope, const bool *marked)
{
	StringInfoData all;

	initStringInfo(&all);
	for (int i = scope->policy->nrules - 1; i >= 0; i--)
	{
		if (marked[i] && !stop_plaintext(scope, i, &all))
			return NULL;
	}
	return all.data;
}

/* Would castssl_hba_require_tls() edit these lines and no others?  Of many it is not asked whom
 * each really answers, which takes time. */
static bool
are_all(const CastsslCheckScope *scope, const bool *marked, bool few)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		if (takes_plaintext(&scope->policy->rules[i]) != marked[i] ||
			(marked[i] && (few ? answers_own(scope, i) : takes_own(&scope->policy->rules[i]))))
			return false;
	}
	return true;
}

static const char *
block_statements(const CastsslCheckScope *scope, const bool *marked)
{
	const char *statements;
	int count = 0;
	bool few;

	for (int i = 0; i < scope->policy->nrules; i++)
		count += marked[i];
	few = count <= MOST_STATEMENTS;
	statements = few && !another_would_answer(scope, marked) ? line_by_line(scope, marked) : NULL;
	if (statements == NULL && are_all(scope, marked, few))
		return REQUIRE_TLS;
	return statements;
}

static bool
any_has_twin(const CastsslCheckScope *scope, const bool *found)
{
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		if (found[i] && castssl_hba_twin(scope->policy, &scope->policy->rules[i]))
			return true;
	}
	return false;
}

/*
 * Report all lines in one row.  While TLS is off, the hint is to turn it on first, because nobody
 * could come in otherwise.
 */
static void
report_plaintext(CastsslCheckScope *scope, const bool *found, const char *message)
{
	char *names = castssl_check_rule_names(scope, found);
	const char *hint;

	if (names == NULL)
		return;
	hint = scope->ssl
			   ? psprintf(
					 "Which clients must use TLS?  Only those of these lines: change the lines to "
					 "hostssl with castssl_hba_change(), the last line first%s.  All clients, also "
					 "those of this host: %s",
					 any_has_twin(scope, found) ? ", but remove those below a line of castssl with "
												  "castssl_hba_remove(), which comments them out"
												: "",
					 castssl_check_in_transaction(REQUIRE_TLS, CASTSSL_CHECK_APPLY))
			   : castssl_check_tls_on_hint(scope);
	castssl_check_report_edit(scope, CASTSSL_WARNING, names, message,
							  scope->ssl ? block_statements(scope, with_hidden_lines(scope, found))
										 : NULL,
							  CASTSSL_CHECK_APPLY, hint);
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
		found[i] = castssl_check_admits_plaintext(scope, i) &&
				   castssl_hba_has_keyword(&scope->policy->rules[i].databases, "replication");
	report_plaintext(scope, found,
					 "standbys of other hosts can connect unencrypted: all data is readable");
}
