/*
 * place.c
 *		The place where a new rule for an address takes effect, and its text.
 *
 * The place is directly above the first rule that matches every connection of the new rule:
 * further down, the new rule would be unreachable.  Every reject above that place still comes
 * first.  A reject below it is never reached for these clients anyway.  There is no place if
 * that first rule itself is a reject.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/interrupts.h"
#include "base/words.h"
#include "hba/edit/keep.h"
#include "hba/edit/place.h"
#include "hba/text/address.h"

typedef struct Address
{
	CastsslHbaAddress address;
	char *text;
	int before_rule;
} Address;

/* Does this rule match every TLS client of that address, for all databases and users? */
static bool
takes_all_of(const CastsslHbaRule *rule, const CastsslHbaAddress *address)
{
	return rule->error == NULL &&
		   (rule->type == CASTSSL_HBA_HOST || rule->type == CASTSSL_HBA_HOSTSSL ||
			rule->type == CASTSSL_HBA_HOSTNOGSSENC) &&
		   castssl_hba_has_keyword(&rule->databases, "all") &&
		   castssl_hba_has_keyword(&rule->users, "all") &&
		   castssl_hba_address_contains(&rule->address, address);
}

static bool
read_address(const char *given, Address *result, CastsslFindings *findings)
{
	char *range;

	if (!castssl_hba_address_parse(given, &result->address, &result->text))
	{
		castssl_finding_add(findings, CASTSSL_ERROR, "hba_address", given,
							psprintf("invalid address \"%s\"", given),
							"The server would not read it as an address in pg_hba.conf.",
							"Give a range such as \"10.0.0.0/8\" or \"::1/128\", a host name, "
							"\"samenet\" or \"all\".");
		return false;
	}
	if (castssl_hba_address_has_host_bits(&result->address, &range))
		castssl_finding_add(findings, CASTSSL_WARNING, "hba_address", given,
							psprintf("address \"%s\" has bits set to the right of its mask", given),
							psprintf("The server reads it as %s.", range), NULL);
	return true;
}

static const char *
format_line(const Address *address, const CastsslHbaWanted *wanted)
{
	const char *method = wanted->auth_method ? wanted->auth_method : "scram-sha-256";
	const char *clientcert = castssl_clientcert_name(wanted->clientcert);
	bool option = wanted->clientcert != CASTSSL_CLIENTCERT_NONE && strcmp(method, "cert") != 0;

	return psprintf("hostssl all all %s %s%s%s", address->text, method,
					option ? " clientcert=" : "", option ? clientcert : "");
}

/*
 * The hint for an address that a rule rejects: leave it out, or put the new rule above that
 * rule.  A person must decide.
 */
static const char *
above_hint(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule, const Address *address,
		   const CastsslHbaWanted *demanded)
{
	char *line = castssl_sql_literal(format_line(address, demanded));
	char *file = castssl_sql_literal(policy->files[rule->file]->path);
	char *below = castssl_hba_held(policy->files[rule->file], rule->record);

	below = below ? castssl_sql_literal(below) : NULL;
	if (line == NULL || file == NULL || below == NULL)
		return "Leave the address out.";
	return psprintf(
		"Leave the address out.  Or, to admit these clients anyway: SELECT castssl_hba_add(rule => "
		"%s, before_line => %d, before_rule => %s%s%s); SELECT * FROM "
		"castssl_hba_apply(confirm_within => '10 min');",
		line, rule->line_number, below, rule->file ? ", file_name => " : "",
		rule->file ? file : "");
}

/*
 * Index of the rule to insert before; -1 if the address has a rule already, or if there is no
 * place for one (then a finding is added).
 */
static int
find_place(const CastsslHbaPolicy *policy, const CastsslHbaRule *rules, const Address *wanted,
		   const CastsslHbaWanted *demanded, CastsslFindings *findings)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &rules[i];

		if (!takes_all_of(rule, &wanted->address))
			continue;
		if (strcmp(rule->method, "reject") == 0)
		{
			castssl_finding_add(
				findings, CASTSSL_ERROR, "hba_address", wanted->text,
				psprintf("a rule for address \"%s\" would never be reached", wanted->text),
				psprintf("Line %d of \"%s\" rejects these clients.", rule->line_number,
						 policy->files[rule->file]->path),
				above_hint(policy, rule, wanted, demanded));
			return -1;
		}
		if (rule->type == CASTSSL_HBA_HOSTSSL &&
			castssl_hba_address_equal(&rule->address, &wanted->address))
			return -1;
		return i;
	}
	return policy->nrules;
}

/*
 * Insert the address into the list, which is sorted by place, unless the list has an equal
 * one.  At one place, a narrow range goes before a wide one.
 */
static void
keep_address(Address *list, int *count, Address wanted)
{
	int at = *count;

	for (int i = 0; i < *count; i++)
	{
		if (castssl_hba_address_equal(&list[i].address, &wanted.address))
			return;
	}
	for (int i = 0; i < *count && at == *count; i++)
	{
		if (list[i].before_rule > wanted.before_rule ||
			(list[i].before_rule == wanted.before_rule &&
			 castssl_hba_address_contains(&list[i].address, &wanted.address)))
			at = i;
	}
	memmove(&list[at + 1], &list[at], (*count - at) * sizeof(Address));
	list[at] = wanted;
	(*count)++;
}

static void
fill_place(CastsslHbaPlace *place, const CastsslHbaPolicy *policy, const Address *address,
		   const CastsslHbaWanted *wanted)
{
	place->before_rule = address->before_rule;
	place->line = psprintf("%s %s", format_line(address, wanted), CASTSSL_HBA_WRITTEN);
	place->why = "added";
	if (address->before_rule < policy->nrules)
	{
		const CastsslHbaRule *rule = &policy->rules[address->before_rule];

		place->file = rule->file;
		place->record = rule->record;
		place->line_number = rule->line_number;
	}
	else
	{
		const CastsslHbaDocument *main = policy->files[0];

		place->record = main->nrecords;
		place->line_number = main->nrecords > 0 ? main->records[main->nrecords - 1].line_number : 0;
	}
}

/* Can a line be added at the end of the main file?  Not if a backslash would join it to others. */
static bool
has_room_at_end(const CastsslHbaPolicy *policy, CastsslFindings *findings)
{
	const CastsslHbaDocument *main = policy->files[0];

	if (main->nrecords == 0 || !castssl_hba_record_goes_on(main, main->nrecords - 1))
		return true;
	castssl_finding_add(findings, CASTSSL_ERROR, "hba_address", main->path,
						psprintf("the last line of \"%s\" ends in a backslash", main->path),
						"A line after it would become a part of it.",
						"Remove the backslash at the end of the file.");
	return false;
}

CastsslHbaPlaced
castssl_hba_place_addresses(const CastsslHbaPolicy *policy, const CastsslHbaRule *rules,
							const CastsslHbaWanted *wanted, CastsslFindings *findings)
{
	CastsslHbaPlaced placed = { 0 };
	Address *list = palloc((wanted->naddresses + 1) * sizeof(Address));
	int count = 0;

	for (int i = 0; i < wanted->naddresses; i++)
	{
		Address address;

		castssl_let_interrupt();
		if (!read_address(wanted->addresses[i], &address, findings))
			continue;
		address.before_rule = find_place(policy, rules, &address, wanted, findings);
		if (address.before_rule == policy->nrules && !has_room_at_end(policy, findings))
			continue;
		if (address.before_rule >= 0)
			keep_address(list, &count, address);
	}
	placed.items = palloc0((count + 1) * sizeof(CastsslHbaPlace));
	for (int i = 0; i < count; i++)
		fill_place(&placed.items[placed.count++], policy, &list[i], wanted);
	pfree(list);
	return placed;
}
