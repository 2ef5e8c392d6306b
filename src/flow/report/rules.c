/*
 * rules.c
 *		pg_hba.conf and the files that it includes on the page, line by line.
 */
#include "postgres.h"

#include "flow/report/html.h"
#include "flow/report/parts.h"
#include "hba/text/lex.h"
#include "hba/text/mask.h"

#define MOST_LINES 1000 /* of one file */

/*
 * The rule of each record of a file; -1: none.  If the file is included twice, a rule
 * that is reachable.
 */
static int *
rules_by_record(const CastsslCheckScope *scope, int file)
{
	const CastsslHbaPolicy *policy = scope->policy;
	int *rules = palloc((policy->files[file]->nrecords + 1) * sizeof(int));

	for (int i = 0; i < policy->files[file]->nrecords; i++)
		rules[i] = -1;
	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];

		if (rule->file == file && rule->record >= 0 &&
			rule->record < policy->files[file]->nrecords &&
			(rules[rule->record] < 0 || scope->dead[rules[rule->record]]))
			rules[rule->record] = i;
	}
	return rules;
}

/* Append the line without its comment, which may contain anything, and without secrets. */
static void
add_text(StringInfo out, const CastsslHbaDocument *document, int record)
{
	StringInfoData joined;
	CastsslHbaLine line = { 0 };
	const char *text;
	size_t length;

	initStringInfo(&joined);
	text = castssl_hba_record_text(document, record, &joined, &length);
	text = castssl_hba_mask(text, length);
	castssl_hba_lex(&line, text, strlen(text), document->version);
	length = line.comment;
	while (length > 0 && strchr(" \t\r", text[length - 1]))
		length--;
	appendStringInfoString(out, "<code>");
	castssl_html_text(out, text, length);
	appendStringInfoString(out, "</code>");
	castssl_hba_line_free(&line);
}

/* The remarks about a rule: a class, and words for people who do not see colours. */
static const char *
mark(const CastsslCheckScope *scope, int rule, char **words)
{
	*words = NULL;
	if (rule < 0)
		return NULL;
	if (scope->policy->rules[rule].error)
	{
		*words = "refused by the server";
		return "error";
	}
	if (scope->dead[rule])
	{
		*words = scope->nbecause[rule] > 0
					 ? psprintf("never reached: line %d answers before",
								scope->policy->rules[scope->because[rule][0]].line_number)
					 : "never reached";
		return "dead";
	}
	if (castssl_check_admits_plaintext(scope, rule))
	{
		*words = "plaintext from other hosts";
		return "warning";
	}
	return NULL;
}

static void
add_record(StringInfo out, const CastsslCheckScope *scope, const CastsslHbaDocument *document,
		   int record, int rule)
{
	char *words;
	const char *class = mark(scope, rule, &words);

	if (class)
		castssl_html(out, "<li class=\"%s\">", class);
	else
		appendStringInfoString(out, "<li>");
	castssl_html(out, "<span class=\"number\">%d</span>", document->records[record].line_number);
	add_text(out, document, record);
	if (class)
		castssl_html(out, "<span class=\"badge %s\">%s</span>",
					 strcmp(class, "dead") == 0 ? "info" : class, words);
	appendStringInfoString(out, "</li>\n");
}

static void
add_file(StringInfo out, const CastsslCheckScope *scope, int file)
{
	const CastsslHbaDocument *document = scope->policy->files[file];
	int *rules = rules_by_record(scope, file);
	int count = 0;

	castssl_html(out, "<h3>%s</h3>\n", document->path);
	for (int i = 0; i < document->nrecords; i++)
	{
		if (document->records[i].kind != CASTSSL_HBA_LINE)
			continue;
		if (count++ == 0)
			appendStringInfoString(out, "<ul class=\"hba\">\n");
		if (count <= MOST_LINES)
			add_record(out, scope, document, i, rules[i]);
	}
	appendStringInfoString(out, count ? "</ul>\n" : "<p>It holds no rule.</p>\n");
	if (count > MOST_LINES)
		castssl_html(out, "<p>%d lines more: castssl_hba_rules() shows all.</p>\n",
					 count - MOST_LINES);
}

void
castssl_report_hba(StringInfo out, const CastsslCheckScope *scope)
{
	appendStringInfoString(
		out, "<section><h2>pg_hba.conf</h2><p class=\"soft\">As it lies on disk, in the order in "
			 "which lines are tried. Comments are left out, and secrets are shown as ***.</p>\n");
	for (int i = 0; i < scope->policy->nfiles; i++)
		add_file(out, scope, i);
	appendStringInfoString(out, "</section>\n");
}
