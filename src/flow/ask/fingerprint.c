/*
 * fingerprint.c
 *		How this server treats TLS clients, as hashes that can be compared between
 *		servers.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/guc.h"

#include "flow/ask/fingerprint.h"
#include "flow/plan/crls.h"
#include "flow/plan/material.h"
#include "hba/access/unreachable.h"
#include "hba/text/mask.h"
#include "hba/text/options.h"
#include "hba/text/shown.h"
#include "hba/text/write.h"
#include "server/disk/files.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/world.h"

static List *
add_part(List *parts, const char *part, const char *subject, const char *fingerprint)
{
	CastsslPolicyPart *one = palloc(sizeof(CastsslPolicyPart));

	one->part = part;
	one->subject = subject;
	one->fingerprint = fingerprint;
	return lappend(parts, one);
}

static List *
add_text(List *parts, const char *part, const char *text)
{
	return add_part(parts, part, text, castssl_file_hash(text, strlen(text)));
}

/* ---- rules ---- */

static int
compare_strings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static void
append_sorted(StringInfo text, const char **items, int count, const char *separator)
{
	qsort(items, count, sizeof(char *), compare_strings);
	for (int i = 0; i < count; i++)
		appendStringInfo(text, "%s%s", i > 0 ? separator : "", items[i]);
}

/* Quotes remove the special meaning of a few words.  For all other words they mean nothing. */
static CastsslHbaToken
plain_token(CastsslHbaToken token)
{
	token.quoted &= castssl_hba_is_special_name(token.string);
	return token;
}

/* Append the names sorted, because the order of a list means nothing. */
static void
append_names(StringInfo text, const CastsslHbaTokens *tokens)
{
	const char **items = palloc(Max(tokens->count, 1) * sizeof(char *));

	for (int i = 0; i < tokens->count; i++)
	{
		CastsslHbaToken token = plain_token(tokens->items[i]);
		StringInfoData one;

		initStringInfo(&one);
		castssl_hba_write_token(&one, &token);
		items[i] = one.data;
	}
	appendStringInfoChar(text, ' ');
	append_sorted(text, items, tokens->count, ",");
}

/* 10.1.2.3/8 matches the same clients as 10.0.0.0/8. */
static void
append_address(StringInfo text, CastsslHbaAddress address)
{
	for (int i = 0; i < lengthof(address.address); i++)
		address.address[i] &= address.mask[i];
	appendStringInfoChar(text, ' ');
	castssl_hba_write_address(text, &address);
}

/* A rule in a form that is the same for all rules with the same meaning. */
static char *
rule_text(const CastsslHbaRule *rule)
{
	StringInfoData text;
	int count;
	const char **options = castssl_hba_shown_options(rule, &count);

	initStringInfo(&text);
	appendStringInfoString(&text, castssl_hba_type_name(rule->type));
	append_names(&text, &rule->databases);
	append_names(&text, &rule->users);
	if (rule->type != CASTSSL_HBA_LOCAL)
		append_address(&text, rule->address);
	appendStringInfo(&text, " %s", rule->method);
	for (int i = 0; i < count; i++)
		options[i] = castssl_hba_mask_option(options[i]);
	appendStringInfoString(&text, count > 0 ? " " : "");
	append_sorted(&text, options, count, " ");
	return text.data;
}

static List *
add_rules(List *parts, const CastsslHbaPolicy *policy, const bool *dead)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];

		if (rule->error)
			parts = add_text(parts, "rule", psprintf("refused: %s", rule->error_shown));
		else if (!dead[i])
			parts = add_text(parts, "rule", rule_text(rule));
	}
	return parts;
}

/* Which of its rules are unreachable? */
static bool *
find_unreachable(const CastsslHbaPolicy *policy, bool ssl)
{
	int places = Max(policy->nrules, 1);
	bool *dead = palloc0(places * sizeof(bool));

	castssl_hba_find_unreachable(policy, ssl, castssl_hba_world(), dead,
								 palloc0(places * sizeof(int *)), palloc0(places * sizeof(int)));
	return dead;
}

/* ---- maps of user names ---- */

static bool
rule_uses_map(const CastsslHbaRule *rule, const char *map)
{
	const char *used = castssl_hba_rule_map(rule);

	return used && strcmp(used, map) == 0;
}

/* The lines of pg_ident.conf that a rule in force uses, in order, because the first match wins. */
static List *
add_mappings(List *parts, const CastsslHbaPolicy *policy, const bool *dead)
{
	CastsslIdent *ident = castssl_ident_file_read();

	for (int i = 0; i < ident->count; i++)
	{
		const CastsslIdentLine *line = &ident->lines[i];
		bool used = false;
		StringInfoData text;

		if (line->error)
		{
			parts = add_text(parts, "mapping", psprintf("refused: %s", line->error));
			continue;
		}
		for (int rule = 0; rule < policy->nrules && !used; rule++)
			used = !dead[rule] && rule_uses_map(&policy->rules[rule], line->map);
		if (!used)
			continue;
		initStringInfo(&text);
		appendStringInfo(&text, "%s ", line->map);
		castssl_hba_write_token(&text, &line->system_user);
		appendStringInfoChar(&text, ' ');
		castssl_hba_write_token(&text, &line->role);
		parts = add_text(parts, "mapping", text.data);
	}
	return parts;
}

/* ---- parameters ---- */

static List *
add_parameters(List *parts)
{
	/* Parameters that this major does not have are skipped. */
	static const char *const names[] = { "ssl",
										 "ssl_min_protocol_version",
										 "ssl_max_protocol_version",
										 "ssl_ciphers",
										 "ssl_tls13_ciphers",
										 "ssl_prefer_server_ciphers",
										 "ssl_ecdh_curve",
										 "ssl_groups",
										 "ssl_sni" };

	for (int i = 0; i < lengthof(names); i++)
	{
		const char *value = GetConfigOption(names[i], true, false);

		if (value)
			parts = add_text(parts, "parameter", psprintf("%s = %s", names[i], value));
	}
	return parts;
}

/* ---- CAs and CRLs ---- */

static int
compare_parts(const ListCell *a, const ListCell *b)
{
	return strcmp(((const CastsslPolicyPart *) lfirst(a))->fingerprint,
				  ((const CastsslPolicyPart *) lfirst(b))->fingerprint);
}

/*
 * The CAs or CRLs for checking clients.  The server reads both kinds from each of these
 * files, and their order means nothing.
 */
static List *
add_trusted(List *parts, const char *part, CastsslPem pem, bool missing)
{
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	List *found = NIL;

	if (missing)
		parts = add_text(parts, part, "refused: the file does not exist");
	if (pem.length == 0)
		return parts;
	if (!castssl_certificates_read_facts(pem.data, pem.length, part, &certificates, &findings))
		return add_text(parts, part, psprintf("refused: %s", findings.items[0].message));
	for (int i = 0; i < certificates.count; i++)
	{
		const CastsslCertificate *one = &certificates.items[i];

		if (one->crl)
			found = add_part(found, "crl", one->issuer, one->fingerprint);
		else if (strcmp(part, "ca") == 0)
			found = add_part(found, "ca", one->subject, one->fingerprint);
	}
	list_sort(found, compare_parts);
	return list_concat(parts, found);
}

static List *
add_authorities(List *parts)
{
	CastsslPem pem = { .name = "ca" };

	pem.data = castssl_material_try_named(CASTSSL_ROLE_CA, &pem.length);
	return add_trusted(parts, "ca", pem, castssl_ca_is_configured() && pem.data == NULL);
}

/* From the file and the directory, because the server reads both. */
static List *
add_crls(List *parts)
{
	CastsslPem pem = { .name = "crl" };
	bool missing;

	pem.data = castssl_material_try_named(CASTSSL_ROLE_CRL, &pem.length);
	missing = pem.data == NULL && castssl_material_named(CASTSSL_ROLE_CRL) != NULL;
	return add_trusted(parts, "crl", castssl_crls_with_directory(pem), missing);
}

/* ---- all ---- */

/*
 * A text may hold any bytes, a fingerprint only hex digits.  So one cannot be mistaken
 * for the other.
 */
static char *
hash_of_parts(const List *parts)
{
	StringInfoData text;
	const ListCell *cell;

	initStringInfo(&text);
	foreach (cell, parts)
	{
		const CastsslPolicyPart *one = lfirst(cell);

		appendStringInfo(&text, "%s %s\n", one->part, one->fingerprint);
	}
	return castssl_file_hash(text.data, text.len);
}

List *
castssl_fingerprint_parts(void)
{
	bool ssl = castssl_tls_is_on();
	CastsslHbaPolicy *policy = castssl_hba_files_read(NULL, 0);
	bool *dead = find_unreachable(policy, ssl);
	CastsslPolicyPart *total = palloc0(sizeof(CastsslPolicyPart));
	List *parts = NIL;

	parts = add_rules(parts, policy, dead);
	parts = add_mappings(parts, policy, dead);
	parts = add_parameters(parts);
	parts = add_authorities(parts);
	parts = add_crls(parts);
	total->part = "policy";
	total->fingerprint = hash_of_parts(parts);
	return lcons(total, parts);
}
