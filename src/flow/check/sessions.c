/*
 * sessions.c
 *		Checks of live sessions: who is unencrypted, and who could not come back.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/words.h"
#include "flow/ask/impact.h"
#include "flow/check/checks.h"
#include "server/disk/swap.h"

/* Of more groups than this only the first are named. */
#define MOST_NAMED 5

static bool
is_alike(const CastsslSession *a, const CastsslSession *b)
{
	return castssl_session_is_alike(a, b) && castssl_same_text(a->application, b->application);
}

/*
 * The chosen sessions, those that are alike once: "12 of client backend "app", ... and 1 more".
 * Many that are alike are a pool.
 */
static char *
named(const CastsslCheckScope *scope, const bool *chosen)
{
	bool *told = palloc0(Max(scope->nsessions, 1) * sizeof(bool));
	int groups = 0;
	int more = 0;
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < scope->nsessions; i++)
	{
		int count = 0;

		if (!chosen[i] || told[i])
			continue;
		for (int j = i; j < scope->nsessions; j++)
		{
			if (!chosen[j] || told[j] || !is_alike(&scope->sessions[i], &scope->sessions[j]))
				continue;
			told[j] = true;
			count++;
		}
		if (groups++ < MOST_NAMED)
			appendStringInfo(&text, "%s%s%s", text.len ? "; " : "",
							 castssl_impact_who(&scope->sessions[i]),
							 count > 1 ? psprintf(" (%d sessions)", count) : "");
		else
			more += count;
	}
	if (more > 0)
		appendStringInfo(&text, "; and %d more", more);
	return text.data;
}

void
castssl_check_sessions_plaintext(CastsslCheckScope *scope)
{
	bool *chosen = palloc0(Max(scope->nsessions, 1) * sizeof(bool));
	int count = 0;

	for (int i = 0; i < scope->nsessions; i++)
	{
		const CastsslConnection *connection = &scope->sessions[i].connection;

		chosen[i] = connection->encryption == CASTSSL_PLAINTEXT &&
					castssl_check_is_remote(connection->family, connection->address);
		count += chosen[i];
	}
	if (count > 0)
		castssl_check_report(
			scope, CASTSSL_WARNING, "sessions",
			psprintf("%s unencrypted", castssl_counted(count, "live session from another host is",
													   "live sessions from other hosts are")),
			psprintf("Have these clients use TLS before plaintext => 'block': %s.",
					 named(scope, chosen)));
}

/* The rules are asked when a session begins, and never again. */
void
castssl_check_sessions_refused(CastsslCheckScope *scope)
{
	bool *chosen = palloc0(Max(scope->nsessions, 1) * sizeof(bool));
	const CastsslImpact *first = NULL;
	CastsslQuestion question = { 0 };
	CastsslImpact *impacts;
	int count = 0;

	if (scope->policy->nerrors > 0 || scope->hba_findings.count > 0)
		return; /* hba_loads says so */
	castssl_question_now(&question, scope->policy);
	impacts = castssl_impact(scope->sessions, scope->nsessions, &question);
	for (int i = 0; i < scope->nsessions; i++)
	{
		chosen[i] = impacts[i].verdict == CASTSSL_REFUSED && !impacts[i].in_plaintext;
		count += chosen[i];
		if (chosen[i] && first == NULL)
			first = &impacts[i];
	}
	if (count > 0)
		castssl_check_report(
			scope, CASTSSL_WARNING, "sessions",
			castssl_counted(count, "live session would be refused if it came now",
							"live sessions would be refused if they came now"),
			psprintf("Going on as before: %s.  Have a pool connect anew (RECONNECT in the console "
					 "of PgBouncer); other sessions end with their clients, or by SELECT "
					 "pg_terminate_backend(pid).  Why: %s",
					 named(scope, chosen), castssl_impact_reason(first)));
}
