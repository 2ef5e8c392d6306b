/*
 * twins.c
 *		A rule and its twin: the hostssl rule with the same fields directly above it.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/ints.h"
#include "hba/edit/edit.h"
#include "hba/edit/twins.h"
#include "hba/text/address.h"
#include "hba/text/lex.h"
#include "hba/text/parse.h"

const CastsslHbaRule **
castssl_hba_rules_by_record(const CastsslHbaPolicy *policy, int file)
{
	const CastsslHbaRule **rules =
		palloc0(Max(policy->files[file]->nrecords, 1) * sizeof(CastsslHbaRule *));

	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];

		if (rule->file == file && rule->record >= 0 && !rule->error)
			rules[rule->record] = rule;
	}
	return rules;
}

static bool
is_ours(const CastsslHbaDocument *document, int record)
{
	return castssl_hba_record_mark(document, record) == CASTSSL_HBA_MARK_WRITTEN;
}

const CastsslHbaRule *
castssl_hba_rule_above(const CastsslHbaDocument *document, const CastsslHbaRule **rules, int record,
					   const CastsslHbaRule *rule, CastsslHbaType type)
{
	for (int i = record - 1; i >= 0; i--)
	{
		const CastsslHbaRule *above = rules[i];

		if (document->records[i].kind != CASTSSL_HBA_LINE)
			continue;
		if (above == NULL || above->error ||
			(above->type != CASTSSL_HBA_HOSTSSL && above->type != CASTSSL_HBA_HOSTGSSENC) ||
			!castssl_hba_tokens_equal(above->databases, rule->databases) ||
			!castssl_hba_tokens_equal(above->users, rule->users) ||
			!castssl_hba_address_equal(&above->address, &rule->address))
			return NULL;
		if (above->type == type)
			return above;
	}
	return NULL;
}

/* The twin of the rule that is, or was, in this record; NULL: it has none. */
static const CastsslHbaRule *
find_twin(const CastsslHbaDocument *document, const CastsslHbaRule **rules, int record,
		  const CastsslHbaRule *rule)
{
	return castssl_hba_rule_above(document, rules, record, rule, CASTSSL_HBA_HOSTSSL);
}

const CastsslHbaRule *
castssl_hba_twin(const CastsslHbaPolicy *policy, const CastsslHbaRule *rule)
{
	const CastsslHbaRule *twin;
	const CastsslHbaRule **rules;

	if (rule->error || rule->record < 0 ||
		(rule->type != CASTSSL_HBA_HOST && rule->type != CASTSSL_HBA_HOSTNOGSSENC))
		return NULL;
	rules = castssl_hba_rules_by_record(policy, rule->file);
	twin = find_twin(policy->files[rule->file], rules, rule->record, rule);
	pfree(rules);
	return twin;
}

/* The twin of a line that we disabled; NULL: it has none.  *needed: false if it needs none. */
static const CastsslHbaRule *
twin_of_disabled(const CastsslHbaDocument *document, const CastsslHbaRule **rules, int record,
				 bool *needed)
{
	size_t prefix = strlen(CASTSSL_HBA_DISABLED);
	StringInfoData joined;
	CastsslHbaLine line = { 0 };
	CastsslHbaFields fields = { 0 };
	CastsslHbaRule disabled = { 0 };
	const CastsslHbaRule *twin = NULL;
	const char *text;
	size_t length;

	initStringInfo(&joined);
	text = castssl_hba_record_text(document, record, &joined, &length);
	*needed = castssl_hba_parse_text(text + prefix, length - prefix, document->version, &line,
									 &fields, &disabled) &&
			  disabled.type != CASTSSL_HBA_HOSTNOSSL;
	if (*needed)
		twin = find_twin(document, rules, record, &disabled);
	castssl_hba_line_free(&line);
	castssl_hba_fields_free(&fields);
	pfree(joined.data);
	return twin;
}

bool
castssl_hba_is_in_place(const CastsslHbaDocument *document, const CastsslHbaRule **rules,
						int record)
{
	bool needed;

	return twin_of_disabled(document, rules, record, &needed) || !needed;
}

int *
castssl_hba_disabled_below(const CastsslHbaPolicy *policy, int file, int record, int *count,
						   bool *shared)
{
	const CastsslHbaDocument *document = policy->files[file];
	const CastsslHbaRule **rules = castssl_hba_rules_by_record(policy, file);
	CastsslInts found = { 0 };
	bool behind = false;

	*shared = false;
	for (int i = record + 1; is_ours(document, record) && i < document->nrecords; i++)
	{
		bool needed;
		const CastsslHbaRule *twin;

		if (document->records[i].kind == CASTSSL_HBA_LINE && !is_ours(document, i) &&
			(rules[i] == NULL || rules[i]->type != CASTSSL_HBA_HOSTGSSENC))
			break;
		behind = behind || is_ours(document, i);
		if (castssl_hba_record_mark(document, i) != CASTSSL_HBA_MARK_DISABLED)
			continue;
		twin = twin_of_disabled(document, rules, i, &needed);
		if (twin == NULL || twin != rules[record])
			continue;
		castssl_ints_add(&found, i);
		*shared = behind;
	}
	pfree(rules);
	*count = found.count;
	return found.items;
}
