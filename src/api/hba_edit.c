/*
 * hba_edit.c
 *		Edits of pg_hba.conf: staging, showing, applying and discarding them.
 */
#include "postgres.h"

#include "access/xlog.h"
#include "fmgr.h"
#include "utils/builtins.h"

#include "api/arguments.h"
#include "api/entry.h"
#include "api/result.h"
#include "base/compat.h"
#include "change/staged.h"
#include "change/worker.h"
#include "flow/ask/proofs.h"
#include "flow/recipe/lines.h"
#include "flow/recipe/staging.h"
#include "hba/edit/require.h"
#include "hba/text/address.h"
#include "hba/text/lex.h"
#include "hba/text/mask.h"
#include "hba/text/write.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/process/raise.h"

/* A call that stages: its edit, and the diff that it returns. */
typedef struct Staging
{
	const char *content; /* the whole file; NULL: an edit */
	void (*edit)(const CastsslLine *line, const CastsslHbaPolicy *policy, CastsslHbaEdits *edits);
	CastsslLine line;
	CastsslHbaWanted wanted; /* used if content and edit are NULL */
	char *diff;
} Staging;

/* ---- addresses with host bits set ---- */

#define MOST_WARNINGS 10

static int
compare_addresses(const void *a, const void *b)
{
	const CastsslHbaAddress *x = *(const CastsslHbaAddress *const *) a;
	const CastsslHbaAddress *y = *(const CastsslHbaAddress *const *) b;
	int order = x->family - y->family;

	if (order == 0)
		order = memcmp(x->address, y->address, sizeof(x->address));
	if (order == 0)
		order = memcmp(x->mask, y->mask, sizeof(x->mask));
	return order;
}

/* The addresses with host bits set, sorted. */
static const CastsslHbaAddress **
sloppy_addresses(const CastsslHbaPolicy *policy, int *count)
{
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	const CastsslHbaAddress **found = palloc(Max(policy->nrules, 1) * sizeof(*found));

	*count = 0;
	for (int i = 0; i < policy->nrules; i++)
	{
		char *range;

		if (policy->rules[i].error == NULL &&
			castssl_hba_address_has_host_bits(&policy->rules[i].address, &range))
			found[(*count)++] = &policy->rules[i].address;
	}
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	qsort(found, *count, sizeof(*found), compare_addresses);
	return found;
}

/* If an address with host bits set is new, a WARNING names the wider range that it means. */
static void
warn_of_host_bits(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after)
{
	int nknown;
	const CastsslHbaAddress **known = sloppy_addresses(before, &nknown);
	int warnings = 0;

	for (int i = 0; i < after->nrules && warnings < MOST_WARNINGS; i++)
	{
		const CastsslHbaRule *rule = &after->rules[i];
		const CastsslHbaAddress *address = &rule->address;
		char *range;

		if (rule->error || !castssl_hba_address_has_host_bits(address, &range) ||
			/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
			bsearch(&address, known, nknown, sizeof(*known), compare_addresses))
			continue;
		ereport(WARNING, (errmsg("line %d of \"%s\" has an address with bits set to the right of "
								 "its mask",
								 rule->line_number, after->files[rule->file]->path),
						  errdetail("The server reads it as %s.", range)));
		warnings++;
	}
}

/* Only a NOTICE: staging cuts nobody off, but applying would. */
static void
tell_of_md5(const CastsslHbaPolicy *live, const CastsslHbaPolicy *staged)
{
	char *text = castssl_proofs_md5_text(live, staged, castssl_tls_is_on());

	if (text)
		ereport(NOTICE, (errmsg("with the staged edits, scram-sha-256 would refuse some roles"),
						 errdetail("%s", text)));
}

/* ---- texts ---- */

/*
 * A quote that is not closed takes the rest of the line, comment included.  The server
 * may accept that, but it is certainly a mistake.
 */
static void
check_quotes(const char *text, size_t length, int line_number)
{
	CastsslHbaLine line = { 0 };

	castssl_hba_lex(&line, text, length, CASTSSL_SERVER_MAJOR);
	for (int i = 0; i < line.nlexemes; i++)
	{
		if (line.lexemes[i].open)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a quote in the rule is not closed"),
					 line_number ? errdetail("It is in line %d.", line_number)
								 : errdetail("The rule is: %s", castssl_hba_mask(text, length)),
					 errhint(CASTSSL_STAGING_EXAMPLE)));
	}
	castssl_hba_line_free(&line);
}

static void
check_all_quotes(const CastsslHbaDocument *document)
{
	StringInfoData joined;

	initStringInfo(&joined);
	for (int i = 0; i < document->nrecords; i++)
	{
		size_t length;
		const char *text;

		if (document->records[i].kind != CASTSSL_HBA_LINE)
			continue;
		text = castssl_hba_record_text(document, i, &joined, &length);
		if (memchr(text, '"', length) != NULL)
			check_quotes(text, length, document->records[i].line_number);
	}
	pfree(joined.data);
}

/* The text must be one line, and must not join the next line. */
static void
check_one_line(const char *text)
{
	size_t length = strlen(text);

	if (strpbrk(text, "\n\r") != NULL)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a rule must not contain a line break"),
						errdetail("It would be more than one line."),
						errhint("Call this once for each rule, or stage a whole file with "
								"castssl_hba_stage().")));
	if (length > 0 && text[length - 1] == '\\')
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("a rule must not end in a backslash"),
						errdetail("The next line would become a part of it."),
						errhint(CASTSSL_STAGING_EXAMPLE)));
	check_quotes(text, length, 0);
}

/* ---- staging ---- */

static void
require(const CastsslHbaWanted *wanted, const CastsslHbaPolicy *policy, CastsslHbaEdits *edits)
{
	CastsslFindings findings = { 0 };

	castssl_hba_require(policy, wanted, edits, &findings);
	castssl_raise_first_error(&findings, ERRCODE_INVALID_PARAMETER_VALUE);
}

/* The policy with the edit of a call; *before and *live are set to the staged and the live one. */
static CastsslHbaPolicy *
edited(const Staging *staging, CastsslHbaPolicy **before, CastsslHbaPolicy **live)
{
	CastsslHbaEdits edits = { 0 };

	if (staging->content)
	{
		*before = *live = castssl_hba_files_read(NULL, 0);
		return castssl_staging_replace(*live, staging->content, strlen(staging->content));
	}
	*before = castssl_staging_policy(live);
	if (staging->edit)
		staging->edit(&staging->line, *before, &edits);
	else
		require(&staging->wanted, *before, &edits);
	return castssl_staging_edit(*live, *before, &edits);
}

static void
stage(void *arg)
{
	Staging *staging = arg;
	CastsslHbaPolicy *live;
	CastsslHbaPolicy *before;
	CastsslHbaPolicy *staged = edited(staging, &before, &live);

	warn_of_host_bits(before, staged);
	tell_of_md5(live, staged);
	staging->diff = castssl_staging_diff(live, staged);
}

/* On a standby transactions have no ids, so what is staged cannot belong to one. */
static void
check_transaction(const char *function)
{
	if (RecoveryInProgress())
		castssl_check_no_block(function);
}

static Datum
run_staging(const char *function, Staging *staging)
{
	check_transaction(function);
	castssl_with_lock(stage, staging);
	return castssl_text_datum(staging->diff);
}

/* An argument with a line number; 0 for NULL. */
static int
line_argument(FunctionCallInfo fcinfo, int n, const char *name, const char *hint)
{
	int line_number = PG_ARGISNULL(n) ? 0 : PG_GETARG_INT32(n);

	if (!PG_ARGISNULL(n) && line_number < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s must be at least 1", name),
				 errdetail("It is %d.", line_number), errhint("%s", hint)));
	return line_number;
}

#define WHERE_IT_TAKES_EFFECT "NULL puts the rule where it takes effect."

/* An argument with the text of one line. */
static const char *
rule_argument(FunctionCallInfo fcinfo, int n)
{
	char *rule = castssl_argument_required(fcinfo, n, "rule",
										   "'hostssl all app 192.0.2.0/24 scram-sha-256'");

	check_one_line(rule);
	return rule;
}

/*
 * castssl_hba_add(type, database, user_name, address, auth_method, options, before_line,
 *   				 file_name)
 */
CASTSSL_FUNCTION(castssl_hba_add)
{
	Staging staging = { .edit = castssl_line_add };
	char *type = castssl_argument_required(fcinfo, 0, "type", "'hostssl'");
	int ndatabases;
	int nusers;
	int noptions;
	const char **databases = castssl_argument_text_array(fcinfo, 1, "database", &ndatabases);
	const char **users = castssl_argument_text_array(fcinfo, 2, "user_name", &nusers);
	char *address = castssl_argument_text(fcinfo, 3);
	char *auth_method = castssl_argument_required(fcinfo, 4, "auth_method", "'scram-sha-256'");
	const char **options = castssl_argument_text_array(fcinfo, 5, "options", &noptions);
	char *problem = NULL;

	staging.line.rule = castssl_hba_format(type, databases, ndatabases, users, nusers, address,
										   auth_method, options, noptions, &problem);
	if (staging.line.rule == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the rule cannot be written"),
				 errdetail("%s.", problem), errhint(CASTSSL_STAGING_EXAMPLE)));
	check_one_line(staging.line.rule);
	staging.line.before.argument = "before_line";
	staging.line.before.number = line_argument(fcinfo, 6, "before_line", WHERE_IT_TAKES_EFFECT);
	staging.line.file_name = castssl_argument_text(fcinfo, 7);
	return run_staging("castssl_hba_add", &staging);
}

/* A line, by an argument with its number and one with what it must hold; each may be NULL. */
static CastsslMeant
line_meant(FunctionCallInfo fcinfo, int number, const char *name, int holds, const char *hint)
{
	return (CastsslMeant){ .argument = name,
						   .number = line_argument(fcinfo, number, name, hint),
						   .holds = PG_ARGISNULL(holds) ? NULL : rule_argument(fcinfo, holds) };
}

/* The same for the line that the call edits: it must be named, by its number or by the text in
 * text_name. */
static CastsslMeant
required_line(FunctionCallInfo fcinfo, int number, int holds, const char *text_name)
{
	const char *hint = "castssl_hba_rules(staged => true) shows the line of each rule.";
	CastsslMeant meant = line_meant(fcinfo, number, "line_number", holds, hint);

	if (meant.number == 0 && meant.holds == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("line_number must not be null"),
				 errdetail("It or %s must name a line of the file.", text_name),
				 errhint("%s", hint)));
	return meant;
}

/* castssl_hba_add(rule, before_line, file_name, before_rule) */
CASTSSL_FUNCTION(castssl_hba_add_rule)
{
	Staging staging = { .edit = castssl_line_add };

	staging.line.rule = rule_argument(fcinfo, 0);
	staging.line.before = line_meant(fcinfo, 1, "before_line", 3, WHERE_IT_TAKES_EFFECT);
	staging.line.file_name = castssl_argument_text(fcinfo, 2);
	return run_staging("castssl_hba_add", &staging);
}

/* castssl_hba_change(line_number, rule, file_name, old_rule) */
CASTSSL_FUNCTION(castssl_hba_change)
{
	Staging staging = { .edit = castssl_line_change };

	staging.line.line = required_line(fcinfo, 0, 3, "old_rule");
	staging.line.rule = rule_argument(fcinfo, 1);
	staging.line.file_name = castssl_argument_text(fcinfo, 2);
	return run_staging("castssl_hba_change", &staging);
}

/* castssl_hba_move(line_number, before_line, file_name, rule, before_rule) */
CASTSSL_FUNCTION(castssl_hba_move)
{
	Staging staging = { .edit = castssl_line_move };

	staging.line.line = required_line(fcinfo, 0, 3, "rule");
	staging.line.before = line_meant(fcinfo, 1, "before_line", 4, "NULL puts the line at the end.");
	staging.line.file_name = castssl_argument_text(fcinfo, 2);
	return run_staging("castssl_hba_move", &staging);
}

/* castssl_hba_remove(line_number, file_name, rule) */
CASTSSL_FUNCTION(castssl_hba_remove)
{
	Staging staging = { .edit = castssl_line_remove };

	staging.line.line = required_line(fcinfo, 0, 2, "rule");
	staging.line.file_name = castssl_argument_text(fcinfo, 1);
	return run_staging("castssl_hba_remove", &staging);
}

/* castssl_hba_require_tls(clientcert, plaintext, addresses, auth_method) */
CASTSSL_FUNCTION(castssl_hba_require_tls)
{
	Staging staging = { .wanted = castssl_argument_wanted(fcinfo, 0, 1, 2, 3) };

	return run_staging("castssl_hba_require_tls", &staging);
}

/* castssl_hba_stage(content) */
CASTSSL_FUNCTION(castssl_hba_stage)
{
	const char *content = castssl_argument_required(fcinfo, 0, "content",
													"pg_read_file(current_setting('hba_file'))");
	Staging staging = { .content = content };

	check_all_quotes(
		castssl_hba_document_read("content", content, strlen(content), CASTSSL_SERVER_MAJOR));
	return run_staging("castssl_hba_stage", &staging);
}

/* castssl_hba_diff() */
CASTSSL_FUNCTION(castssl_hba_diff)
{
	CastsslHbaPolicy *live;
	CastsslHbaPolicy *staged;

	castssl_worker_tell();
	castssl_staging_check();
	staged = castssl_staging_policy(&live);
	return castssl_text_datum(castssl_staging_diff(live, staged));
}

static CastsslPlan *
make_apply_plan(void *arg)
{
	return castssl_staging_plan(arg);
}

/* castssl_hba_apply(confirm_within, force, dry_run, expected) */
CASTSSL_FUNCTION(castssl_hba_apply)
{
	CastsslApplyOptions options = castssl_argument_options(fcinfo, 0, 1, 2);

	castssl_run_plan(make_apply_plan, castssl_argument_optional(fcinfo, 3, "expected"), &options,
					 fcinfo);
	return (Datum) 0;
}

static void
discard(void *arg)
{
	*(bool *) arg = castssl_staged_discard();
}

/* castssl_hba_discard(): returns whether anything was staged. */
CASTSSL_FUNCTION(castssl_hba_discard)
{
	bool existed = false;

	check_transaction("castssl_hba_discard");
	castssl_with_lock(discard, &existed);
	PG_RETURN_BOOL(existed);
}
