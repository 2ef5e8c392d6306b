/*
 * matrix.c
 *		Who can connect from where: networks as the rules name them, by encryption.
 */
#include "postgres.h"

#include "flow/report/html.h"
#include "flow/report/parts.h"
#include "hba/match/match.h"
#include "hba/text/address.h"
#include "server/world.h"

#define MOST_NETWORKS 50 /* rows; nobody reads a longer table */
#define MOST_RULES 12    /* in one cell */

/* "10.0.0.0/8", "all", "samenet", "app.example.com" */
static char *
network_text(const CastsslHbaAddress *address)
{
	switch (address->kind)
	{
		case CASTSSL_HBA_ADDRESS_NONE:
			return "Unix-domain socket";
		case CASTSSL_HBA_ADDRESS_ALL:
			return "anywhere else";
		case CASTSSL_HBA_ADDRESS_SAMEHOST:
			return "this host's addresses";
		case CASTSSL_HBA_ADDRESS_SAMENET:
			return "this host's networks";
		case CASTSSL_HBA_ADDRESS_NAME:
			return pstrdup(address->name);
		case CASTSSL_HBA_ADDRESS_MASK:
			break;
	}
	return castssl_hba_range_text(address);
}

/*
 * Does it take all users and databases?  Then later rules count only for physical
 * replication, which is not a database.
 */
static bool
takes_all(const CastsslHbaRule *rule)
{
	return rule->databases.count == 1 && rule->users.count == 1 &&
		   castssl_hba_is_keyword(&rule->databases.items[0], "all") &&
		   castssl_hba_is_keyword(&rule->users.items[0], "all");
}

static bool
takes_encryption(const CastsslHbaRule *rule, CastsslEncryption encryption)
{
	uint8 family = rule->type == CASTSSL_HBA_LOCAL ? 0 : 4;

	return castssl_hba_type_takes(rule->type, family, encryption);
}

/* Does the rule's address match every client of the network? */
static bool
takes_network(const CastsslHbaRule *rule, const CastsslHbaAddress *network)
{
	if (network->kind == CASTSSL_HBA_ADDRESS_NONE || rule->type == CASTSSL_HBA_LOCAL)
		return network->kind == CASTSSL_HBA_ADDRESS_NONE && rule->type == CASTSSL_HBA_LOCAL;
	return castssl_hba_address_equal(&rule->address, network) ||
		   castssl_hba_address_contains(&rule->address, network);
}

static void
add_names(StringInfo out, const CastsslHbaTokens *names, const char *all)
{
	if (names->count == 1 && castssl_hba_is_keyword(&names->items[0], "all"))
	{
		castssl_html(out, "%s", all);
		return;
	}
	for (int i = 0; i < names->count && i < 6; i++)
		castssl_html(out, "%s%s", i ? ", " : "", names->items[i].string);
	if (names->count > 6)
		castssl_html(out, " and %d more", names->count - 6);
}

static void
add_rule(StringInfo out, const CastsslHbaRule *rule, CastsslEncryption encryption)
{
	bool refuses = strcmp(rule->method, "reject") == 0;
	bool remote = castssl_check_rule_is_remote(rule);
	const char *class = "ok";

	if (refuses || (!remote && strcmp(rule->method, "trust") == 0))
		class = "info";
	else if (remote && (encryption == CASTSSL_PLAINTEXT || strcmp(rule->method, "trust") == 0))
		class = "warning";
	castssl_html(out, "<li><span class=\"badge %s\">%s%s</span> ", class,
				 refuses ? "refused" : rule->method,
				 encryption == CASTSSL_TLS && rule->clientcert != CASTSSL_CLIENTCERT_NONE &&
						 strcmp(rule->method, "cert") != 0
					 ? " + certificate"
					 : "");
	add_names(out, &rule->users, "every user");
	appendStringInfoString(out, " to ");
	add_names(out, &rule->databases, "every database");
	castssl_html(out, " <span class=\"soft\">line %d</span></li>", rule->line_number);
}

static void
add_cell(StringInfo out, const CastsslCheckScope *scope, const CastsslHbaAddress *network,
		 CastsslEncryption encryption, const char *label)
{
	int count = 0;
	bool all = false; /* an earlier rule takes everything except replication */

	castssl_html(out, "<td data-label=\"%s\">", label);
	if (network->kind == CASTSSL_HBA_ADDRESS_NONE && encryption != CASTSSL_PLAINTEXT)
	{
		appendStringInfoString(out, "<span class=\"soft\">does not apply</span></td>");
		return;
	}
	if (encryption == CASTSSL_TLS && !scope->ssl)
	{
		appendStringInfoString(out, "<span class=\"badge error\">TLS is off</span></td>");
		return;
	}
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (rule->error || scope->dead[i] || !takes_encryption(rule, encryption) ||
			!takes_network(rule, network) ||
			(all && !castssl_hba_has_keyword(&rule->databases, "replication")))
			continue;
		if (count++ == 0)
			appendStringInfoString(out, "<ul>");
		if (count <= MOST_RULES)
			add_rule(out, rule, encryption);
		all = all || takes_all(rule);
	}
	if (count > MOST_RULES)
		castssl_html(out, "<li>and %d rules more</li>", count - MOST_RULES);
	appendStringInfoString(out, count ? "</ul></td>" : "<span class=\"soft\">nobody</span></td>");
}

static void
add_network(StringInfo out, const CastsslCheckScope *scope, const CastsslHbaAddress *network)
{
	castssl_html(out, "<tr><th scope=\"row\">%s</th>", network_text(network));
	add_cell(out, scope, network, CASTSSL_PLAINTEXT, "Not encrypted");
	add_cell(out, scope, network, CASTSSL_TLS, "TLS");
	if (castssl_hba_gss_possible())
		add_cell(out, scope, network, CASTSSL_GSS, "GSSAPI");
	appendStringInfoString(out, "</tr>\n");
}

/* Does an earlier rule name the same network? */
static bool
is_known(const CastsslHbaAddress *const *networks, int count, const CastsslHbaAddress *network)
{
	for (int i = 0; i < count; i++)
	{
		if (castssl_hba_address_equal(networks[i], network))
			return true;
	}
	return false;
}

void
castssl_report_matrix(StringInfo out, const CastsslCheckScope *scope)
{
	static const CastsslHbaAddress socket = { .kind = CASTSSL_HBA_ADDRESS_NONE };
	static const CastsslHbaAddress anywhere = { .kind = CASTSSL_HBA_ADDRESS_ALL };
	const CastsslHbaAddress *networks[MOST_NETWORKS];
	int count = 0;
	bool more = false;

	appendStringInfoString(
		out, "<section><h2>Who can come in from where</h2><p class=\"soft\">Networks as the rules "
			 "name them. A narrower network inside another has a row of its own. In a cell, the "
			 "first rule that names the user and the database decides.</p>\n"
			 "<table><thead><tr><th scope=\"col\">From</th><th scope=\"col\">Not encrypted</th>"
			 "<th scope=\"col\">TLS</th>");
	if (castssl_hba_gss_possible())
		appendStringInfoString(out, "<th scope=\"col\">GSSAPI</th>");
	appendStringInfoString(out, "</tr></thead><tbody>\n");
	add_network(out, scope, &socket);
	for (int i = 0; i < scope->policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &scope->policy->rules[i];

		if (rule->error || rule->type == CASTSSL_HBA_LOCAL ||
			castssl_hba_address_equal(&rule->address, &anywhere) ||
			is_known(networks, count, &rule->address))
			continue;
		if (count == MOST_NETWORKS)
		{
			more = true;
			break;
		}
		networks[count++] = &rule->address;
		add_network(out, scope, &rule->address);
	}
	add_network(out, scope, &anywhere);
	appendStringInfoString(out, "</tbody></table>");
	if (more)
		castssl_html(out, "<p>Only the first %d networks are shown.</p>", MOST_NETWORKS);
	appendStringInfoString(out, "</section>\n");
}
