/*
 * guard.c
 *		Nobody is cut off, or loses encryption, by accident.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "base/words.h"
#include "flow/ask/guard.h"
#include "flow/ask/rotation.h"
#include "flow/ask/way_in.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "server/sessions.h"

#define MOST_NAMED 5

static bool
is_alike(const CastsslImpact *a, const CastsslImpact *b)
{
	return castssl_session_is_alike(a->session, b->session) && strcmp(a->reason, b->reason) == 0;
}

/* How the client came: "from 10.0.0.1, over TLS, with a client certificate". */
static char *
how_it_came(const CastsslSession *session)
{
	if (session->address == NULL)
		return "by a Unix-domain socket";
	switch (session->connection.encryption)
	{
		case CASTSSL_TLS:
			return psprintf("from %s, over TLS, %s a client certificate", session->address,
							session->client_dn ? "with" : "without");
		case CASTSSL_GSS:
			return psprintf("from %s, encrypted by GSSAPI", session->address);
		case CASTSSL_PLAINTEXT:
			break;
	}
	return psprintf("from %s, in plaintext", session->address);
}

static void
append_client(StringInfo text, const CastsslImpact *impact, int sessions)
{
	const CastsslSession *session = impact->session;

	appendStringInfo(text, "%sUser \"%s\"", text->len > 0 ? "\n" : "", session->connection.user);
	if (session->connection.replication)
		appendStringInfoString(text, ", replication");
	else
		appendStringInfo(text, ", database \"%s\"", session->connection.database);
	if (castssl_impact_is_shown(session))
		appendStringInfo(text, ", %s", how_it_came(session));
	if (sessions > 1)
		appendStringInfo(text, " (%d sessions)", sessions);
	appendStringInfo(text, ": %s", castssl_impact_reason(impact));
}

char *
castssl_guard_detail(const CastsslLosses *losses)
{
	bool *told = palloc0(losses->count * sizeof(bool));
	int named = 0;
	int left = losses->count;
	StringInfoData text;

	initStringInfo(&text);
	for (int i = 0; i < losses->count && named < MOST_NAMED; i++)
	{
		int sessions = 0;

		for (int j = i; j < losses->count && !told[i]; j++)
		{
			if (!told[j] && is_alike(&losses->items[i], &losses->items[j]))
			{
				sessions++;
				told[j] = j > i;
			}
		}
		if (told[i])
			continue;
		append_client(&text, &losses->items[i], sessions);
		named++;
		left -= sessions;
	}
	if (left > 0)
		appendStringInfo(&text, "\nAnd %s.",
						 castssl_counted(left, "more session", "more sessions"));
	return text.data;
}

static char *
sessions(int count)
{
	return castssl_counted(count, "live session", "live sessions");
}

static char *
message_of(const CastsslLosses *losses)
{
	int refused = 0;

	if (losses->own && losses->items[0].in_plaintext)
		return "a connection like this one would be refused afterwards, or be in plaintext";
	if (losses->own)
		return "a connection like this one would be refused afterwards";
	for (int i = 0; i < losses->count; i++)
		refused += !losses->items[i].in_plaintext;
	if (refused == 0)
		return psprintf("%s could come back only in plaintext", sessions(losses->count));
	if (refused < losses->count)
		return psprintf("%s could not come back, and %d only in plaintext", sessions(refused),
						losses->count - refused);
	return psprintf("%s could not come back", sessions(refused));
}

/* Could the plan change anybody's way in?  A renewed certificate does not. */
static bool
changes_ways_in(const CastsslPlan *plan)
{
	CastsslQuestion after = { 0 };

	castssl_question_after(&after, plan);
	return plan->hba_changes || castssl_rotation_drops(plan->rotation) ||
		   plan->ssl_after != castssl_tls_is_on() ||
		   after.has_ca != (castssl_tls_is_on() && castssl_ca_is_configured()) || after.terms_after;
}

void
castssl_guard_check(CastsslPlan *plan, const CastsslLosses *losses, const CastsslAgain *again,
					bool dry_run)
{
	const char *message;
	const char *detail;

	if (castssl_session_own() == NULL && changes_ways_in(plan))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("nobody can know whether the caller would be refused afterwards"),
				 errdetail("The call comes from a process of the server that has no connection of "
						   "its own, such as autovacuum or a background worker."),
				 errhint("%s", castssl_anyway_hint(plan, again)),
				 castssl_err_reason("castssl_would_cut_off")));
	if (losses->count > 0)
	{
		message = message_of(losses);
		detail = castssl_guard_detail(losses);
	}
	else if (plan->uses_staged && castssl_way_in_is_closed_by(plan))
	{
		message = "nobody could connect by TCP any more";
		detail = plan->ssl_after
					 ? "No line of pg_hba.conf would admit anybody in this way."
					 : "TLS is off, and no line of pg_hba.conf would admit anybody without TLS.";
	}
	else
		return;
	if (dry_run)
	{
		castssl_plan_warn(plan, "await confirmation", "confirm_within, or force",
						  CASTSSL_CODE_confirmation_needed,
						  psprintf("without one of them the call would be refused: %s.  %s",
								   message, castssl_anyway_hint(plan, again)));
		return;
	}
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE), errmsg("%s", message),
					errdetail("%s", detail), errhint("%s", castssl_anyway_hint(plan, again)),
					castssl_err_reason("castssl_would_cut_off")));
}
