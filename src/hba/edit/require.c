/*
 * require.c
 *		The edits that make a policy ask TLS clients for certificates.
 *
 * Each rule is edited on its own, so the order of the policy stays.  The code reads
 * the text as it is, including lines that we wrote, and only makes rules stricter.  So
 * a second run changes nothing.  docs/editing.md has the rules for the edits.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include "base/interrupts.h"
#include "hba/edit/place.h"
#include "hba/edit/require.h"
#include "hba/edit/rewrite.h"
#include "hba/edit/twins.h"
#include "hba/text/options.h"

/* A rule of the policy after repairs. */
typedef struct Item
{
	CastsslHbaRule rule; /* error NULL: may be edited */
	bool ours;
	bool again;           /* an earlier rule has the same record: the file is included twice */
	const char *repaired; /* the record's bytes after the repair; NULL: nothing to repair */
	const char *outdated; /* the value that the repair replaces */
} Item;

typedef struct Work
{
	const CastsslHbaPolicy *policy;
	const CastsslHbaWanted *wanted;
	CastsslHbaEdits *edits;
	CastsslFindings *findings;
	Item *items;
	const CastsslHbaRule ***rules; /* by file and record; NULL: not a rule */
} Work;

static void
add_error(Work *work, const CastsslHbaRule *rule, const char *message, const char *detail,
		  const char *hint)
{
	const CastsslHbaDocument *document = work->policy->files[rule->file];

	castssl_finding_add(work->findings, CASTSSL_ERROR, "hba_edit",
						psprintf("%s:%d", document->path, rule->line_number), message, detail,
						hint);
}

/*
 * In 13 the server reads the rest of an overlong line as a record of its own: nothing
 * may be inserted in between.
 */
static bool
starts_a_line(const CastsslHbaDocument *document, int record)
{
	size_t offset = document->records[record].offset;

	return offset == 0 || document->data[offset - 1] == '\n';
}

static void
read_items(Work *work)
{
	const CastsslHbaPolicy *policy = work->policy;

	work->rules = palloc(policy->nfiles * sizeof(CastsslHbaRule **));
	for (int file = 0; file < policy->nfiles; file++)
		work->rules[file] =
			palloc0(Max(policy->files[file]->nrecords, 1) * sizeof(CastsslHbaRule *));
	work->items = palloc0(Max(policy->nrules, 1) * sizeof(Item));
	for (int i = 0; i < policy->nrules; i++)
	{
		Item *item = &work->items[i];
		const CastsslHbaRule *rule = &policy->rules[i];
		const CastsslHbaRule **place;

		item->rule = *rule;
		if (rule->record < 0)
			continue;
		place = &work->rules[rule->file][rule->record];
		item->again = *place != NULL;
		if (item->again)
		{
			item->rule = **place;
			continue;
		}
		*place = &item->rule;
		item->ours = castssl_hba_record_mark(policy->files[rule->file], rule->record) ==
					 CASTSSL_HBA_MARK_WRITTEN;
		item->repaired = castssl_hba_repair(policy, rule, &item->rule, &item->outdated);
		if (rule->error && item->repaired == NULL)
			item->rule.error = rule->error;
		if (!starts_a_line(policy->files[rule->file], rule->record))
			item->rule.error = "not at the beginning of a line";
	}
}

static bool
is_reject(const CastsslHbaRule *rule)
{
	return strcmp(rule->method, "reject") == 0;
}

/* Does a rule of that type for the same clients stand directly above? */
static bool
stands_above(const Work *work, const CastsslHbaRule *rule, CastsslHbaType type)
{
	return castssl_hba_rule_above(work->policy->files[rule->file], work->rules[rule->file],
								  rule->record, rule, type) != NULL;
}

static void
add_edit(Work *work, CastsslHbaEditKind kind, const CastsslHbaRule *rule, const char *text,
		 const char *why)
{
	castssl_hba_edit_add(work->edits, kind, rule->file, rule->record, rule->line_number, text, why);
}

/* A rewritten line with our mark.  If the rule cannot be rewritten, NULL and a finding. */
static const char *
marked_line(Work *work, const CastsslHbaRule *rule, CastsslHbaType type, const char *method)
{
	char *problem = NULL;
	char *line =
		castssl_hba_rewrite(work->policy, rule, type, work->wanted->clientcert, method, &problem);

	if (line == NULL)
	{
		add_error(work, rule, problem,
				  psprintf("Line %d would be written as a \"%s\" rule.", rule->line_number,
						   castssl_hba_type_name(type)),
				  "Change the line, or give another auth_method.");
		return NULL;
	}
	return psprintf("%s %s", line, CASTSSL_HBA_WRITTEN);
}

static void
insert_twin(Work *work, const CastsslHbaRule *rule, CastsslHbaType type)
{
	bool tls = type == CASTSSL_HBA_HOSTSSL;
	const char *line = marked_line(work, rule, type, tls ? work->wanted->auth_method : NULL);

	if (line)
		add_edit(work, CASTSSL_HBA_INSERT, rule, line, "added");
}

/* Disable a line, or its repaired form. */
static void
disable(Work *work, const Item *item, const char *why)
{
	if (item->repaired)
		add_edit(work, CASTSSL_HBA_REPLACE, &item->rule,
				 psprintf("%s%s", CASTSSL_HBA_DISABLED, item->repaired),
				 psprintf("%s; repairs clientcert=%s, which PostgreSQL 14 and later refuse", why,
						  item->outdated));
	else
		add_edit(work, CASTSSL_HBA_DISABLE, &item->rule, NULL, why);
}

static void
repair(Work *work, const Item *item)
{
	if (item->repaired)
		add_edit(work, CASTSSL_HBA_REPLACE, &item->rule, item->repaired,
				 psprintf("repairs clientcert=%s, which PostgreSQL 14 and later refuse",
						  item->outdated));
}

/* Does the rule have another method than the one that is wanted? */
static bool
has_other_method(const Work *work, const CastsslHbaRule *rule)
{
	const char *method = work->wanted->auth_method;

	return method != NULL && strcmp(method, rule->method) != 0;
}

/* hostssl */
static void
require_of_tls_rule(Work *work, const Item *item)
{
	const CastsslHbaRule *rule = &item->rule;
	const char *method = work->wanted->auth_method;
	bool other = rule->clientcert < work->wanted->clientcert || has_other_method(work, rule);
	const char *line;

	if (item->ours && other)
	{
		line = marked_line(work, rule, CASTSSL_HBA_HOSTSSL, method);
		if (line)
			add_edit(work, CASTSSL_HBA_REPLACE, rule, line, "now");
	}
	else if (other)
	{
		insert_twin(work, rule, CASTSSL_HBA_HOSTSSL);
		disable(work, item, "commented out: the line above replaces it");
	}
	else
		repair(work, item);
}

/* Does a rule that admits TLS and other connections need a hostssl rule above it? */
static bool
wants_twin(const Work *work, const CastsslHbaRule *rule)
{
	return work->wanted->clientcert != CASTSSL_CLIENTCERT_NONE || work->wanted->block_plaintext ||
		   has_other_method(work, rule);
}

/* host, hostnogssenc, hostnossl */
static void
require_of_plaintext_rule(Work *work, const Item *item)
{
	const CastsslHbaRule *rule = &item->rule;

	if (rule->type != CASTSSL_HBA_HOSTNOSSL && wants_twin(work, rule) &&
		!stands_above(work, rule, CASTSSL_HBA_HOSTSSL))
		insert_twin(work, rule, CASTSSL_HBA_HOSTSSL);
	if (!work->wanted->block_plaintext)
		return;
	if (rule->type != CASTSSL_HBA_HOSTNOGSSENC && work->wanted->gss_possible &&
		!stands_above(work, rule, CASTSSL_HBA_HOSTGSSENC))
		insert_twin(work, rule, CASTSSL_HBA_HOSTGSSENC);
	disable(work, item, "commented out: no unencrypted connections");
}

static void
require_of_item(Work *work, const Item *item)
{
	const CastsslHbaRule *rule = &item->rule;

	if (item->again || rule->error)
		return;
	if (is_reject(rule))
	{
		repair(work, item);
		return;
	}
	switch (rule->type)
	{
		case CASTSSL_HBA_HOSTSSL:
			require_of_tls_rule(work, item);
			break;
		case CASTSSL_HBA_HOST:
		case CASTSSL_HBA_HOSTNOGSSENC:
		case CASTSSL_HBA_HOSTNOSSL:
			require_of_plaintext_rule(work, item);
			break;
		case CASTSSL_HBA_LOCAL:
		case CASTSSL_HBA_HOSTGSSENC:
			break;
	}
}

/* Is the given auth_method possible in a rule for TLS?  If not, adds a finding. */
static bool
check_method(const Work *work)
{
	const char *method = work->wanted->auth_method;
	const char *problem = NULL;

	if (method == NULL)
		return true;
	if (castssl_hba_method(method, work->policy->version) == NULL)
		problem = psprintf("invalid authentication method \"%s\"", method);
	else if (castssl_hba_method_is_unsupported(method))
		problem = psprintf("authentication method \"%s\" is not supported", method);
	else if (strcmp(method, "peer") == 0 || strcmp(method, "reject") == 0)
		problem = psprintf("authentication method \"%s\" does not admit TLS clients", method);
	if (problem)
		castssl_finding_add(work->findings, CASTSSL_ERROR, "hba_edit", "auth_method", problem, NULL,
							"Use, for example, \"scram-sha-256\" or \"cert\".");
	return problem == NULL;
}

static bool
check_text(const Work *work)
{
	bool good = true;

	for (int i = 0; i < work->policy->nfiles; i++)
	{
		const CastsslHbaDocument *document = work->policy->files[i];

		if (document->is_text)
			continue;
		castssl_finding_add(work->findings, CASTSSL_ERROR, "hba_edit", document->path,
							psprintf("file \"%s\" is not text", document->path),
							"It holds a NUL byte, and is not rewritten.",
							"Restore the file from a backup.");
		good = false;
	}
	return good;
}

/* The rules of the policy after the edits, for castssl_hba_place_addresses. */
static CastsslHbaRule *
rules_as_edited(const Work *work)
{
	CastsslHbaRule *rules = palloc(Max(work->policy->nrules, 1) * sizeof(CastsslHbaRule));

	for (int i = 0; i < work->policy->nrules; i++)
	{
		CastsslHbaRule *rule = &rules[i];

		*rule = work->items[i].rule;
		if (rule->error || is_reject(rule))
			continue;
		/* for TLS clients, a hostssl rule with the wanted clientcert answers instead */
		if (rule->type == CASTSSL_HBA_HOST || rule->type == CASTSSL_HBA_HOSTNOGSSENC)
			rule->type = wants_twin(work, rule) ? CASTSSL_HBA_HOSTSSL : rule->type;
		if (rule->type == CASTSSL_HBA_HOSTSSL)
			rule->clientcert = Max(rule->clientcert, work->wanted->clientcert);
	}
	return rules;
}

void
castssl_hba_require(const CastsslHbaPolicy *policy, const CastsslHbaWanted *wanted,
					CastsslHbaEdits *edits, CastsslFindings *findings)
{
	Work work = { .policy = policy, .wanted = wanted, .edits = edits, .findings = findings };
	CastsslHbaPlaced placed;
	int next = 0;

	if (!check_text(&work) || !check_method(&work))
		return;
	read_items(&work);
	placed = castssl_hba_place_addresses(policy, rules_as_edited(&work), wanted, findings);

	/* a line for an address goes above the lines derived from the rule at that place */
	for (int i = 0; i <= policy->nrules; i++)
	{
		for (; next < placed.count && placed.items[next].before_rule == i; next++)
			castssl_hba_edit_add(edits, CASTSSL_HBA_INSERT, placed.items[next].file,
								 placed.items[next].record, placed.items[next].line_number,
								 placed.items[next].line, placed.items[next].why);
		castssl_let_interrupt();
		if (i < policy->nrules)
			require_of_item(&work, &work.items[i]);
	}
}

void
castssl_hba_repairs(const CastsslHbaPolicy *policy, CastsslHbaEdits *edits)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];
		CastsslHbaRule repaired;
		const char *value;
		char *text = castssl_hba_repair(policy, rule, &repaired, &value);

		if (text)
			castssl_hba_edit_add(edits, CASTSSL_HBA_REPLACE, rule->file, rule->record,
								 rule->line_number, text, "repairs clientcert");
	}
}
