/*
 * page.c
 *		The state of TLS on this server as one HTML page.
 */
#include "postgres.h"

#include <time.h>
#include <unistd.h>

#include "access/xlog.h"
#include "utils/timestamp.h"

#include "base/words.h"
#include "change/attempt.h"
#include "change/journal.h"
#include "flow/report/html.h"
#include "flow/report/page.h"
#include "flow/report/parts.h"
#include "server/parameters.h"
#include "tls/instant.h"

#define MOST_CHANGES 10

static int
count_of(const CastsslFindings *findings, CastsslSeverity severity)
{
	int count = 0;

	for (int i = 0; i < findings->count; i++)
		count += findings->items[i].severity == severity;
	return count;
}

/* "1 error and 3 warnings" */
static char *
numbers(int errors, int warnings)
{
	char *error = castssl_counted(errors, "error", "errors");
	char *warning = castssl_counted(warnings, "warning", "warnings");

	if (warnings == 0)
		return error;
	return errors == 0 ? warning : psprintf("%s and %s", error, warning);
}

static void
add_verdict(StringInfo out, const CastsslCheckScope *scope, const char *host)
{
	int errors = count_of(scope->findings, CASTSSL_ERROR);
	int warnings = count_of(scope->findings, CASTSSL_WARNING);
	const char *class = errors ? "error" : warnings ? "warning" : "ok";
	const char *name = castssl_parameter_value("cluster_name");
	char *version = castssl_parameter_value("server_version");

	version[strcspn(version, " ")] = '\0'; /* without the part that the packager adds */
	castssl_html(out, "<header class=\"%s\"><p class=\"eyebrow\">TLS on PostgreSQL server %s</p>",
				 class, host);
	if (errors + warnings == 0)
		appendStringInfoString(out, "<h1>All is well</h1><p>No check found an error or a warning."
									"</p>");
	else
		castssl_html(out, "<h1>%s: %s</h1><p>%s</p>", errors ? "Act now" : "Needs attention",
					 numbers(errors, warnings),
					 errors ? "Something does not work, or does not protect, as it should."
							: "Connections work, but these points weaken their protection.");
	castssl_html(out, "<ul class=\"facts\"><li><span>TLS</span><strong>%s</strong></li>",
				 scope->ssl ? "on" : "off");
	castssl_html(out, "<li><span>Client certificates</span><strong>%s</strong></li>",
				 scope->ssl && scope->ca_configured ? "checked where a rule asks" : "not checked");
	castssl_html(out, "<li><span>PostgreSQL</span><strong>%s, %s</strong></li>", version,
				 RecoveryInProgress() ? "standby" : "primary");
	castssl_html(out, "<li><span>Server</span><strong>%s%sport %s</strong></li>", name,
				 name[0] ? ", " : "", castssl_parameter_value("port"));
	castssl_html(out, "<li><span>As of</span><strong>%s</strong></li></ul></header>\n",
				 castssl_instant_text((int64) time(NULL)));
}

static void
add_finding(StringInfo out, const CastsslFinding *finding)
{
	const char *severity = castssl_severity_name(finding->severity);

	castssl_html(out, "<li><span class=\"badge %s\">%s</span> <strong>%s</strong>", severity,
				 severity, finding->check);
	if (finding->subject)
		castssl_html(out, " <code>%s</code>", finding->subject);
	castssl_html(out, "<br>%s", finding->message);
	if (finding->hint)
		castssl_html(out, "<code class=\"hint\">%s</code>", finding->hint);
	appendStringInfoString(out, "</li>\n");
}

static void
add_findings(StringInfo out, const CastsslFindings *findings)
{
	int quiet = 0;

	appendStringInfoString(out, "<section><h2>Findings</h2>\n");
	if (count_of(findings, CASTSSL_OK) < findings->count)
		appendStringInfoString(out, "<ul class=\"findings\">\n");
	for (int severity = CASTSSL_ERROR; severity > CASTSSL_OK; severity--)
	{
		for (int i = 0; i < findings->count; i++)
		{
			if (findings->items[i].severity == (CastsslSeverity) severity)
				add_finding(out, &findings->items[i]);
		}
	}
	if (count_of(findings, CASTSSL_OK) < findings->count)
		appendStringInfoString(out, "</ul>\n");
	castssl_html(out,
				 "<p class=\"soft\"><span class=\"badge ok\">ok</span> %d checks found nothing: ",
				 count_of(findings, CASTSSL_OK));
	for (int i = 0; i < findings->count; i++)
	{
		if (findings->items[i].severity == CASTSSL_OK)
			castssl_html(out, "%s%s", quiet++ ? ", " : "", findings->items[i].check);
	}
	appendStringInfoString(out, ".</p></section>\n");
}

/* A server timestamp as text in UTC, to the second. */
static char *
time_text(TimestampTz time)
{
	return castssl_instant_text((int64) timestamptz_to_time_t(time));
}

static void
add_change(StringInfo out, const CastsslChange *change)
{
	char *class = change->state == CASTSSL_DAMAGED   ? "error"
				  : castssl_change_is_open(change)   ? "warning"
				  : change->state == CASTSSL_APPLIED ? "ok"
													 : "info";

	castssl_html(out, "<tr><th scope=\"row\">%s</th>", psprintf(INT64_FORMAT, change->id));
	castssl_html(out, "<td data-label=\"When\">%s</td>",
				 change->started_at ? time_text(change->started_at) : "");
	castssl_html(out,
				 "<td class=\"word\" data-label=\"What\">%s</td><td data-label=\"Who\">%s</td>",
				 change->action, change->user_name ? change->user_name : "");
	castssl_html(out, "<td data-label=\"State\"><span class=\"badge %s\">%s</span>", class,
				 castssl_change_state_name(change->state));
	if (change->state == CASTSSL_UNCONFIRMED)
		castssl_html(out, " undone at %s", time_text(change->confirm_deadline));
	if (change->reason)
		castssl_html(out, " %s", change->reason);
	appendStringInfoString(out, "</td></tr>\n");
}

static void
read_changes(void *arg)
{
	*(List **) arg = castssl_journal_list();
}

static void
add_changes(StringInfo out)
{
	List *changes = NIL;
	ErrorData *error = castssl_attempt(read_changes, &changes);
	int count = list_length(changes);

	appendStringInfoString(out, "<section><h2>Last changes</h2>\n");
	if (error)
	{
		castssl_html(out, "<p>They cannot be read: %s.</p></section>\n", error->message);
		return;
	}
	if (count == 0)
	{
		appendStringInfoString(out, "<p>None was made with pg_castssl.</p></section>\n");
		return;
	}
	appendStringInfoString(out, "<table><thead><tr><th scope=\"col\">Change</th><th scope=\"col\">"
								"When</th><th scope=\"col\">What</th><th scope=\"col\">Who</th>"
								"<th scope=\"col\">State</th></tr></thead><tbody>\n");
	for (int i = count - 1; i >= 0 && i >= count - MOST_CHANGES; i--)
		add_change(out, list_nth(changes, i));
	appendStringInfoString(out, "</tbody></table></section>\n");
}

char *
castssl_report_page(void)
{
	StringInfoData out;
	CastsslFindings findings = { 0 };
	CastsslCheckScope scope = { .findings = &findings };
	char host[256] = "";

	(void) gethostname(host, sizeof(host) - 1);
	castssl_check_read(&scope, 0);
	castssl_check_run(&scope);
	initStringInfo(&out);
	appendStringInfoString(&out, "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
								 "<meta http-equiv=\"Content-Security-Policy\" content=\""
								 "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; "
								 "form-action 'none'\">"
								 "<meta name=\"viewport\" content=\"width=device-width, "
								 "initial-scale=1\"><meta name=\"color-scheme\" "
								 "content=\"light dark\">\n");
	castssl_html(&out, "<title>TLS on %s</title>\n<style>\n", host);
	appendStringInfoString(&out, castssl_report_style);
	appendStringInfoString(&out, "</style></head>\n<body><main>\n");
	add_verdict(&out, &scope, host);
	add_findings(&out, &findings);
	castssl_report_certificates(&out, &scope);
	castssl_report_matrix(&out, &scope);
	castssl_report_hba(&out, &scope);
	add_changes(&out);
	appendStringInfoString(&out, "<footer>Made by castssl_report() of pg_castssl.</footer>\n"
								 "</main></body></html>\n");
	return out.data;
}
