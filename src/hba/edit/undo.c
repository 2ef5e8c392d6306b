/*
 * undo.c
 *		The edits that take back what castssl_hba_require did, line by line.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "hba/edit/edit.h"
#include "hba/text/address.h"
#include "hba/text/lex.h"
#include "hba/text/parse.h"

/* The rule of a record; NULL: it has none that is valid. */
static const CastsslHbaRule *
rule_of(const CastsslHbaPolicy *policy, int file, int record)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];

		if (rule->file == file && rule->record == record)
			return rule->error ? NULL : rule;
	}
	return NULL;
}

/*
 * Does that rule answer the TLS clients of the disabled one, as its twin does?  It need not
 * be ours: where such a rule stood there already, none was written.
 */
static bool
is_twin(const CastsslHbaRule *rule, const CastsslHbaRule *disabled)
{
	return rule->type == CASTSSL_HBA_HOSTSSL &&
		   castssl_hba_tokens_equal(rule->databases, disabled->databases) &&
		   castssl_hba_tokens_equal(rule->users, disabled->users) &&
		   castssl_hba_address_equal(&rule->address, &disabled->address);
}

/*
 * Does a twin of the disabled line stand directly above it?  Only comments, and the
 * hostgssenc line that we wrote for the same clients, may be in between.
 */
static bool
twin_stands_above(const CastsslHbaPolicy *policy, int file, int number,
				  const CastsslHbaRule *disabled)
{
	const CastsslHbaDocument *document = policy->files[file];

	for (int i = number - 1; i >= 0; i--)
	{
		bool ours = castssl_hba_record_mark(document, i) == CASTSSL_HBA_MARK_WRITTEN;
		const CastsslHbaRule *rule;

		if (document->records[i].kind != CASTSSL_HBA_LINE)
			continue;
		rule = rule_of(policy, file, i);
		if (rule == NULL)
			return false;
		if (is_twin(rule, disabled))
			return true;
		if (!ours || rule->type != CASTSSL_HBA_HOSTGSSENC)
			return false;
	}
	return false;
}

/* Does a disabled line stand where we disabled it?  A hostnossl line has no twin. */
static bool
is_in_place(const CastsslHbaPolicy *policy, int file, int number)
{
	const CastsslHbaDocument *document = policy->files[file];
	size_t prefix = strlen(CASTSSL_HBA_DISABLED);
	StringInfoData joined;
	CastsslHbaLine line = { 0 };
	CastsslHbaFields fields = { 0 };
	CastsslHbaRule disabled = { 0 };
	const char *text;
	size_t length;
	bool result;

	initStringInfo(&joined);
	text = castssl_hba_record_text(document, number, &joined, &length);
	/* What is no rule any more does no harm. */
	result = !castssl_hba_parse_text(text + prefix, length - prefix, policy->version, &line,
									 &fields, &disabled) ||
			 disabled.type == CASTSSL_HBA_HOSTNOSSL ||
			 twin_stands_above(policy, file, number, &disabled);
	castssl_hba_line_free(&line);
	castssl_hba_fields_free(&fields);
	pfree(joined.data);
	return result;
}

void
castssl_hba_undo(const CastsslHbaPolicy *policy, CastsslHbaEdits *edits, CastsslHbaEdits *left)
{
	for (int file = 0; file < policy->nfiles; file++)
	{
		const CastsslHbaDocument *document = policy->files[file];

		for (int i = 0; i < document->nrecords; i++)
		{
			CastsslHbaMark mark = castssl_hba_record_mark(document, i);
			int line_number = document->records[i].line_number;

			if (mark == CASTSSL_HBA_MARK_WRITTEN)
				castssl_hba_edit_add(edits, CASTSSL_HBA_REMOVE, file, i, line_number, NULL,
									 "takes back a line of castssl");
			else if (mark == CASTSSL_HBA_MARK_DISABLED && is_in_place(policy, file, i))
				castssl_hba_edit_add(edits, CASTSSL_HBA_ENABLE, file, i, line_number, NULL,
									 "puts a line in force again");
			else if (mark == CASTSSL_HBA_MARK_DISABLED && left)
				castssl_hba_edit_add(left, CASTSSL_HBA_ENABLE, file, i, line_number, NULL,
									 "its twin no longer stands directly above it");
		}
	}
}
