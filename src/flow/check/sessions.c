/*
 * sessions.c
 *		Checks of live sessions: who is unencrypted, and who could not come back.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/words.h"
#include "flow/ask/impact.h"
#include "flow/check/checks.h"

/* Of more groups than this only the first are named. */
#define MOST_NAMED 5

/* Sessions that one statement ends. */
#define MOST_ENDED 100

static bool
is_alike(const CastsslSession *a, const CastsslSession *b)
{
	return castssl_session_is_alike(a, b) && castssl_same_text(a->application, b->application);
}

/*
 * The chosen sessions, with those that are alike named once: "client backend "app", ... (12
 * sessions); and 1 more".  Many that are alike are a pool.
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
			psprintf("Let these clients use TLS before you block plaintext: %s.",
					 named(scope, chosen)));
}

/*
 * ", or now: " and the statement that ends the chosen sessions, but not the caller's own; "." if
 * there is no other.
 */
static char *
ending(const CastsslCheckScope *scope, const bool *chosen)
{
	StringInfoData pids;
	int count = 0;

	initStringInfo(&pids);
	for (int i = 0; i < scope->nsessions && count < MOST_ENDED; i++)
	{
		if (!chosen[i] || scope->sessions[i].pid == MyProcPid)
			continue;
		castssl_append_listed(&pids, psprintf("%d", scope->sessions[i].pid));
		count++;
	}
	if (count == 0)
		return ".";
	return psprintf(", or now: SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity WHERE "
					"pid IN (%s);",
					pids.data);
}

/* The server checks the rules only when a session begins. */
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
			psprintf("Still open: %s.  Let a pool reconnect (RECONNECT in the console of "
					 "PgBouncer).  Other sessions end with their clients%s  Reason: %s",
					 named(scope, chosen), ending(scope, chosen), castssl_impact_reason(first)));
}
