/*
 * hba.c
 *		castssl_hba_rules: pg_hba.conf as rows.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "api/arguments.h"
#include "api/entry.h"
#include "api/result.h"
#include "change/worker.h"
#include "flow/recipe/staging.h"
#include "hba/access/unreachable.h"
#include "hba/text/address.h"
#include "hba/text/mask.h"
#include "hba/text/shown.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/world.h"

static void
set_tokens(CastsslRow *row, const char *column, const CastsslHbaTokens *tokens)
{
	const char **items = palloc(Max(tokens->count, 1) * sizeof(char *));

	for (int i = 0; i < tokens->count; i++)
		items[i] = tokens->items[i].string;
	castssl_row_text_array(row, column, items, tokens->count);
}

static void
set_options(CastsslRow *row, const CastsslHbaRule *rule, bool show_secrets)
{
	int count;
	const char **items = castssl_hba_shown_options(rule, &count);

	for (int i = 0; i < count && !show_secrets; i++)
		items[i] = castssl_hba_mask_option(items[i]);
	castssl_row_text_array(row, "options", items, count);
}

/* As pg_hba_file_rules shows it: a keyword, a name, or address and netmask. */
static void
set_address(CastsslRow *row, const CastsslHbaAddress *address)
{
	char text[CASTSSL_IP_SIZE];
	const char *name = NULL;

	switch (address->kind)
	{
		case CASTSSL_HBA_ADDRESS_NONE:
			break;
		case CASTSSL_HBA_ADDRESS_ALL:
			name = "all";
			break;
		case CASTSSL_HBA_ADDRESS_SAMEHOST:
			name = "samehost";
			break;
		case CASTSSL_HBA_ADDRESS_SAMENET:
			name = "samenet";
			break;
		case CASTSSL_HBA_ADDRESS_NAME:
			name = address->name;
			break;
		case CASTSSL_HBA_ADDRESS_MASK:
			castssl_row_text(row, "address",
							 castssl_ip_text(address->family, address->address, text));
			castssl_row_text(row, "netmask", castssl_ip_text(address->family, address->mask, text));
			return;
	}
	castssl_row_text(row, "address", name);
}

static void
add_rule(CastsslRows *rows, const CastsslHbaPolicy *policy, int i, bool show_secrets, bool dead,
		 const int *because, int nbecause)
{
	const CastsslHbaRule *rule = &policy->rules[i];
	CastsslRow row = castssl_row_begin(rows->descriptor);

	castssl_row_int(&row, "rule_number", i + 1);
	castssl_row_text(&row, "file_name", policy->files[rule->file]->path);
	castssl_row_int(&row, "line_number", rule->line_number);
	if (rule->error == NULL)
	{
		castssl_row_text(&row, "type", castssl_hba_type_name(rule->type));
		set_tokens(&row, "database", &rule->databases);
		set_tokens(&row, "user_name", &rule->users);
		set_address(&row, &rule->address);
		castssl_row_text(&row, "auth_method", rule->method);
		set_options(&row, rule, show_secrets);
	}
	castssl_row_bool(&row, "dead", dead);
	if (dead)
		castssl_row_numbers(&row, "dead_because", because, nbecause);
	castssl_row_text(&row, "error", show_secrets ? rule->error : rule->error_shown);
	castssl_rows_add(rows, &row);
}

/* Which rules are unreachable, and which block them: because[i] are indexes of rules. */
typedef struct Dead
{
	bool *dead;
	int **because;
	int *nbecause;
} Dead;

/*
 * The memory for this computation is freed before there are rows, because both together
 * would take much memory for very long files.
 */
static void
find_unreachable(const CastsslHbaPolicy *policy, Dead *result)
{
	int n = Max(policy->nrules, 1);
	bool ssl = castssl_tls_is_on();
	MemoryContext scratch = AllocSetContextCreate(CurrentMemoryContext, "castssl unreachable rules",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext context;

	result->dead = palloc0(n * sizeof(bool));
	result->because = palloc0(n * sizeof(int *));
	result->nbecause = palloc0(n * sizeof(int));
	context = MemoryContextSwitchTo(scratch);
	castssl_hba_find_unreachable(policy, ssl, castssl_hba_world(), result->dead, result->because,
								 result->nbecause);
	MemoryContextSwitchTo(context);
	for (int i = 0; i < policy->nrules; i++)
	{
		size_t size = result->nbecause[i] * sizeof(int);

		result->because[i] = size == 0 ? NULL : memcpy(palloc(size), result->because[i], size);
	}
	MemoryContextDelete(scratch);
}

/* The rows show values of rules, not lines, so the texts of the files can be freed. */
static void
forget_texts(CastsslHbaPolicy *policy)
{
	for (int i = 0; i < policy->nfiles; i++)
	{
		CastsslHbaDocument *document = policy->files[i];

		if (document->length > 0)
			pfree(unconstify(char *, document->data));
		pfree(document->records);
		document->data = NULL;
		document->records = NULL;
		document->length = 0;
		document->nrecords = 0;
	}
}

/* castssl_hba_rules(staged) */
CASTSSL_FUNCTION(castssl_hba_rules)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	CastsslHbaPolicy *policy;
	bool show_secrets = castssl_caller_is_superuser();
	MemoryContext row_context =
		AllocSetContextCreate(CurrentMemoryContext, "castssl_hba_rules", ALLOCSET_DEFAULT_SIZES);
	Dead dead;

	castssl_worker_tell();
	policy = castssl_argument_bool(fcinfo, 0) ? castssl_staging_policy(NULL)
											  : castssl_hba_files_read(NULL, 0);
	forget_texts(policy);
	find_unreachable(policy, &dead);
	for (int i = 0; i < policy->nrules; i++)
	{
		MemoryContext context = MemoryContextSwitchTo(row_context);

		add_rule(&rows, policy, i, show_secrets, dead.dead[i], dead.because[i], dead.nbecause[i]);
		MemoryContextSwitchTo(context);
		MemoryContextReset(row_context);
	}
	return (Datum) 0;
}
