/*
 * impact.c
 *		Which connected clients could connect again after a change.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "flow/ask/impact.h"
#include "flow/ask/proofs.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/steps.h"
#include "hba/access/compare.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/world.h"

#define MOST_WARNINGS 20

/* What happens to a plaintext session whose driver tries TLS first, as most do (sslmode=prefer). */
static const char *
over_tls(CastsslQuestion question, const CastsslExplanation *plaintext)
{
	CastsslExplanation tls;

	question.connection.encryption = CASTSSL_TLS;
	castssl_explain(&question, &tls);
	if (plaintext->verdict == CASTSSL_REFUSED)
		return psprintf(tls.verdict == CASTSSL_REFUSED
							? "%s  Over TLS, which most drivers try first: %s"
							: "%s  It may come back over TLS, which most drivers try first: %s",
						plaintext->reason, tls.reason);
	if (tls.verdict == CASTSSL_REFUSED)
		return psprintf("%s  But most drivers try TLS first, and not all of them fall back to "
						"plaintext when they are refused there: %s",
						plaintext->reason, tls.reason);
	return plaintext->reason;
}

/* Judge a new connection like a session; the question has the rest. */
static void
judge_session(CastsslQuestion *question, const CastsslSession *session,
			  CastsslExplanation *explanation)
{
	castssl_question_session(question, session);
	castssl_explain(question, explanation);
	if (question->tls && question->connection.family != 0 &&
		question->connection.encryption == CASTSSL_PLAINTEXT)
		explanation->reason = over_tls(*question, explanation);
}

CastsslImpact *
castssl_impact(const CastsslSession *sessions, int count, const CastsslQuestion *asked)
{
	CastsslImpact *impacts = palloc(Max(count, 1) * sizeof(CastsslImpact));
	CastsslQuestion question = *asked;

	question.brief = true;
	question.knows_secrets = castssl_caller_is_superuser();
	question.world = castssl_hba_world();
	for (int i = 0; i < count; i++)
	{
		CastsslExplanation explanation;

		judge_session(&question, &sessions[i], &explanation);
		impacts[i] = (CastsslImpact){ .session = &sessions[i],
									  .verdict = explanation.verdict,
									  .reason = explanation.reason };
	}
	return impacts;
}

bool
castssl_impact_cuts_off(const CastsslPlan *plan, const CastsslSession *session,
						const CastsslHbaWorld *world, CastsslExplanation *after)
{
	CastsslQuestion question = { .brief = true, .world = world };
	CastsslExplanation now;

	question.knows_secrets = session->pid == MyProcPid || castssl_caller_is_superuser();
	castssl_question_after(&question, plan);
	judge_session(&question, session, after);
	if (after->verdict != CASTSSL_REFUSED || after->line_verdict == CASTSSL_REFUSED)
		return after->verdict == CASTSSL_REFUSED;
	/* by the role or the database; what a plan changes of that is which password is good */
	castssl_question_now(&question, plan->hba_before);
	castssl_explain(&question, &now);
	return now.verdict != CASTSSL_REFUSED;
}

static void
warn(CastsslPlan *plan, const char *target, CastsslCode code, const char *detail)
{
	castssl_plan_warn(plan, "edit pg_hba", target, code, detail);
}

/* The live sessions of whose clients nobody can say whether they could come back. */
typedef struct Unknown
{
	StringInfoData who;
	int count;
	const char *reason; /* of the first of them */
} Unknown;

static void
add_unknown(Unknown *unknown, const CastsslSession *session, const char *reason)
{
	if (unknown->count == 0)
	{
		initStringInfo(&unknown->who);
		unknown->reason = reason;
	}
	if (unknown->count < MOST_WARNINGS)
		appendStringInfo(&unknown->who, "%s%d (%s)", unknown->count > 0 ? ", " : "", session->pid,
						 session->connection.user);
	unknown->count++;
}

static void
warn_of_sessions(CastsslPlan *plan)
{
	int count;
	int refused = 0;
	const CastsslSession *sessions = castssl_plan_sessions(plan, &count);
	const CastsslHbaWorld *world = castssl_hba_world();
	Unknown unknown = { .count = 0 };

	for (int i = 0; i < count; i++)
	{
		const CastsslSession *session = &sessions[i];
		CastsslExplanation after;
		bool cut_off = castssl_impact_cuts_off(plan, session, world, &after);

		if (after.unknown)
			add_unknown(&unknown, session, after.unknown);
		if (!cut_off || ++refused > MOST_WARNINGS)
			continue;
		warn(plan, psprintf("session %d", session->pid), CASTSSL_CODE_session_cut_off,
			 psprintf("a connection like it (%s \"%s\"%s%s%s) would be refused afterwards.  %s",
					  session->backend_type, session->connection.user,
					  session->connection.replication
						  ? ""
						  : psprintf(", database \"%s\"", session->connection.database),
					  session->address ? ", from " : "", session->address ? session->address : "",
					  after.reason));
	}
	if (refused > MOST_WARNINGS)
		warn(plan, "sessions", CASTSSL_CODE_session_cut_off,
			 psprintf("and %d more live sessions could not come back", refused - MOST_WARNINGS));
	if (unknown.count > 0)
		warn(plan, "sessions", CASTSSL_CODE_session_unknown,
			 psprintf("whether %d live sessions could come back cannot be known: %s%s.  %s",
					  unknown.count, unknown.who.data, unknown.count > MOST_WARNINGS ? ", ..." : "",
					  unknown.reason));
}

/* Warn of who gains and who loses access by the edits that the caller staged, or takes back. */
static void
warn_of_differences(CastsslPlan *plan)
{
	CastsslHbaDifferences differences = { 0 };
	int told = 0;

	castssl_hba_compare(castssl_hba_plan_as_meant(plan->hba_before), castssl_tls_is_on(),
						plan->hba_after, plan->ssl_after, castssl_hba_world_with_roles(),
						&differences);
	for (int i = 0; i < differences.count; i++)
	{
		const CastsslHbaDifference *difference = &differences.items[i];

		if ((difference->change != CASTSSL_HBA_NEWLY_ADMITTED &&
			 difference->change != CASTSSL_HBA_NEWLY_REFUSED) ||
			/* where TLS goes off, nobody comes in over it: that is asked for */
			(difference->change == CASTSSL_HBA_NEWLY_REFUSED && castssl_tls_is_on() &&
			 !plan->ssl_after) ||
			++told > MOST_WARNINGS)
			continue;
		warn(plan, castssl_hba_change_name(difference->change),
			 difference->change == CASTSSL_HBA_NEWLY_ADMITTED ? CASTSSL_CODE_newly_admitted
															  : CASTSSL_CODE_newly_refused,
			 castssl_proofs_difference_text(difference));
	}
	if (told > MOST_WARNINGS)
		warn(
			plan, "newly admitted or refused", CASTSSL_CODE_newly_refused,
			psprintf("and %d more; SELECT * FROM castssl_hba_compare() shows them before you apply",
					 told - MOST_WARNINGS));
}

void
castssl_impact_warn(CastsslPlan *plan)
{
	if (plan->hba_before == NULL || !castssl_plan_changes(plan))
		return;
	if (plan->uses_staged || (plan->takes_back && plan->hba_changes))
		warn_of_differences(plan);
	warn_of_sessions(plan);
}
