/*
 * impact.c
 *		Which connected clients could connect again after a change.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"

#include "base/words.h"
#include "change/attempt.h"
#include "change/record.h"
#include "flow/ask/impact.h"
#include "flow/ask/proofs.h"
#include "flow/ask/rotation.h"
#include "flow/ask/unloaded.h"
#include "flow/plan/crls.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/steps.h"
#include "hba/access/compare.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/sessions.h"
#include "server/world.h"
#include "tls/revoked.h"

#define MOST_WARNINGS 20

const char *
castssl_impact_name(const CastsslImpact *impact)
{
	return impact->in_plaintext ? "plaintext" : castssl_verdict_name(impact->verdict);
}

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

/* What happens to an encrypted session that would be refused. */
static void
try_plaintext(CastsslQuestion question, CastsslImpact *impact)
{
	CastsslExplanation plaintext;
	CastsslExplanation tls = { .verdict = CASTSSL_REFUSED };

	if (question.connection.encryption == CASTSSL_GSS)
	{
		question.connection.encryption = CASTSSL_TLS;
		castssl_explain(&question, &tls);
	}
	question.connection.encryption = CASTSSL_PLAINTEXT;
	castssl_explain(&question, &plaintext);
	if (plaintext.verdict == CASTSSL_REFUSED || tls.verdict != CASTSSL_REFUSED)
		return;
	impact->in_plaintext = true;
	impact->reason = psprintf("%s  It would be admitted in plaintext, and most drivers then use "
							  "plaintext and do not say so (sslmode=prefer): %s",
							  impact->reason, plaintext.reason);
}

/* Judge a new connection like a session; the question has the rest. */
static CastsslImpact
judge_session(CastsslQuestion *question, const CastsslSession *session,
			  CastsslExplanation *explanation)
{
	CastsslImpact impact = { .session = session };

	castssl_question_session(question, session);
	castssl_explain(question, explanation);
	impact.verdict = explanation->verdict;
	impact.reason = explanation->reason;
	impact.unknown = explanation->unknown;
	if (question->connection.family == 0)
		return impact;
	if (question->connection.encryption != CASTSSL_PLAINTEXT)
	{
		if (impact.verdict == CASTSSL_REFUSED)
			try_plaintext(*question, &impact);
	}
	else if (question->tls)
		impact.reason = over_tls(*question, explanation);
	return impact;
}

/* Set the CRLs that the question's server checks, and the CAs judged with them. */
static void
ask_crls(CastsslQuestion *question)
{
	question->crls = castssl_crls_in_force(question->material);
	question->issuers =
		question->crls ? castssl_issuers_in_force(question->material, question->crls) : NULL;
}

CastsslImpact *
castssl_impact(const CastsslSession *sessions, int count, const CastsslQuestion *asked)
{
	CastsslImpact *impacts = palloc(Max(count, 1) * sizeof(CastsslImpact));
	CastsslQuestion question = *asked;

	question.brief = true;
	question.knows_secrets = castssl_caller_is_superuser();
	question.world = castssl_hba_world();
	ask_crls(&question);
	for (int i = 0; i < count; i++)
	{
		CastsslExplanation explanation;

		impacts[i] = judge_session(&question, &sessions[i], &explanation);
	}
	return impacts;
}

/* ---- who loses by a plan ---- */

/* The facts by which all sessions are judged. */
typedef struct Judge
{
	const CastsslPlan *plan;
	CastsslQuestion now;
	CastsslQuestion after;
	bool knows_now; /* the server uses what is on disk */
	/*
	 * the plan's reload also loads what somebody has edited, and that stays when the plan is
	 * undone
	 */
	bool leaves_something;
	CastsslQuestion undone;
} Judge;

static void
add_waiting(void *arg)
{
	CastsslPlan *plan = arg;
	CastsslCertificates ca = { 0 };
	CastsslFindings ignored = { 0 };
	CastsslPem pem;

	castssl_plan_material_afterwards(plan);
	if (plan->material == NULL)
		return;
	pem = castssl_material_pem(plan->material, CASTSSL_ROLE_CA);
	if (pem.data && castssl_certificates_read(pem.data, pem.length, pem.name, &ca, &ignored))
		castssl_rotation_compare(plan, &ca, &ignored);
}

/* The plan to load what is on disk, files and values of parameters, and nothing else. */
static CastsslPlan *
only_reload(CastsslHbaPolicy *policy)
{
	CastsslPlan *plan = castssl_plan_new("reload");
	ListCell *cell;

	plan->reload = true;
	plan->hba_before = plan->hba_after = policy;
	plan->ssl_after = castssl_tls_is_on();
	foreach (cell, castssl_parameters_waiting())
	{
		CastsslChangedParameter *parameter = palloc0(sizeof(CastsslChangedParameter));

		parameter->name = lfirst(cell);
		parameter->after = castssl_parameter_at_start(parameter->name);
		plan->parameters = lappend(plan->parameters, parameter);
	}
	/* if a file cannot be read, the server does not load the new ones either */
	if (plan->parameters != NIL && castssl_attempt(add_waiting, plan) != NULL)
		plan->material = NULL;
	castssl_rotation_of_reload(plan);
	return plan;
}

/* Prepare to judge who stays out if the plan is undone, and what else is on disk stays loaded. */
static void
prepare_undone(Judge *judge)
{
	const CastsslPlan *plan = judge->plan;
	CastsslPlan *reload;

	judge->leaves_something =
		plan->hba_before->nerrors == 0 && castssl_unloaded_files(plan->hba_before) != NULL;
	if (!judge->leaves_something)
		return;
	reload = only_reload(plan->hba_before);
	castssl_question_after(&judge->undone, reload);
	ask_crls(&judge->undone);
}

static void
prepare(Judge *judge, const CastsslPlan *plan)
{
	CastsslQuestion question = { .brief = true, .world = castssl_hba_world() };

	/* Nobody may be cut off, whoever calls. hide_secret() removes what the caller may not know. */
	question.knows_secrets = true;
	judge->plan = plan;
	judge->now = judge->after = judge->undone = question;
	castssl_question_now(&judge->now, plan->hba_before);
	castssl_question_after(&judge->after, plan);
	judge->knows_now =
		plan->hba_before->nerrors == 0 && castssl_unloaded_configuration(plan->hba_before) == NULL;
	/* if another CRL is loaded, it is unknown whom it refuses */
	if (!castssl_unloaded_role(CASTSSL_ROLE_CRL))
		ask_crls(&judge->now);
	ask_crls(&judge->after);
	prepare_undone(judge);
}

/* Does the plan revoke the session's certificate, so that it is meant to be cut off? */
static bool
is_revoked(const Judge *judge, const CastsslSession *session)
{
	return judge->plan->revokes && judge->after.crls && session->issuer_dn &&
		   session->client_serial &&
		   castssl_revoked(judge->after.crls, judge->after.issuers, session->issuer_dn,
						   session->client_serial) == CASTSSL_REVOKED;
}

/*
 * Judge a session after the plan.  True if it loses because of the plan.  A session that could
 * not come back now either does not lose, unless it is unknown which rules the server uses now.
 */
static bool
loses(Judge *judge, const CastsslSession *session, CastsslImpact *impact)
{
	CastsslExplanation after;
	CastsslExplanation now;
	CastsslImpact today;

	*impact = judge_session(&judge->after, session, &after);
	if (impact->unknown == NULL && impact->verdict != CASTSSL_REFUSED)
		return false;
	today = judge_session(&judge->now, session, &now);
	/* what is unknown now, too, is not because of the plan */
	if (judge->knows_now && castssl_same_text(today.unknown, impact->unknown))
		impact->unknown = NULL;
	if (impact->verdict != CASTSSL_REFUSED || is_revoked(judge, session))
		return false;
	/* a refusal by role or database is the same now, whatever the server has loaded */
	if (!judge->knows_now && after.line_verdict == CASTSSL_REFUSED)
		return true;
	return today.verdict != CASTSSL_REFUSED || (today.in_plaintext && !impact->in_plaintext);
}

/* Does it stay out, or come back only in plaintext, after the plan is undone? */
static bool
stays_lost(Judge *judge, const CastsslSession *session)
{
	CastsslExplanation undone;

	return judge->leaves_something &&
		   judge_session(&judge->undone, session, &undone).verdict == CASTSSL_REFUSED;
}

/* Hide the reason from a caller who may not know which password is stored. */
static void
hide_secret(CastsslQuestion question, CastsslImpact *impact)
{
	CastsslExplanation after;
	CastsslImpact shown;

	question.knows_secrets = false;
	shown = judge_session(&question, impact->session, &after);
	impact->reason =
		shown.verdict == impact->verdict ? shown.reason : "Only superusers can see the reason.";
}

/* The sessions to judge, the caller's own first. */
static const CastsslSession **
who_is_asked(CastsslPlan *plan, int *count)
{
	int nsessions;
	const CastsslSession *sessions = castssl_plan_sessions(plan, &nsessions);
	const CastsslSession *own = castssl_session_own();
	const CastsslSession **all;

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	all = palloc((nsessions + 1) * sizeof(*all));
	*count = 0;
	if (own)
		all[(*count)++] = own; /* castssl_session_own() knows more about it */
	for (int i = 0; i < nsessions; i++)
	{
		if (own == NULL || sessions[i].pid != own->pid)
			all[(*count)++] = &sessions[i];
	}
	return all;
}

void
castssl_impact_losses(CastsslPlan *plan, CastsslLosses *losses)
{
	int count;
	const CastsslSession **who = who_is_asked(plan, &count);
	Judge judge;

	*losses = (CastsslLosses){ 0 };
	prepare(&judge, plan);
	losses->items = palloc((count + 1) * sizeof(CastsslImpact));
	losses->unknown = palloc((count + 1) * sizeof(CastsslImpact));
	for (int i = 0; i < count; i++)
	{
		CastsslImpact impact;
		bool loser = loses(&judge, who[i], &impact);

		CHECK_FOR_INTERRUPTS();
		if (!loser && impact.unknown == NULL)
			continue;
		if (who[i]->pid != MyProcPid && !castssl_caller_is_superuser())
			hide_secret(judge.after, &impact);
		if (impact.unknown)
			losses->unknown[losses->nunknown++] = impact;
		if (!loser)
			continue;
		losses->own |= who[i]->pid == MyProcPid;
		losses->items[losses->count++] = impact;
		plan->nsessions_refused += !impact.in_plaintext;
		plan->loses_for_good = plan->loses_for_good || stays_lost(&judge, who[i]);
	}
}

void
castssl_impact_losses_by_reload(CastsslHbaPolicy *policy, CastsslLosses *losses)
{
	CastsslPlan *plan = only_reload(policy);

	castssl_impact_losses(plan, losses);
	losses->rotation = plan->rotation;
}

/* ---- in words ---- */

bool
castssl_impact_is_shown(const CastsslSession *session)
{
	return session->pid == MyProcPid || castssl_caller_may_see_sessions();
}

/* ", application "web""; "" if there is none, or the caller may not see it. */
static char *
application(const CastsslSession *session)
{
	if (session->application == NULL || session->application[0] == '\0' ||
		!castssl_impact_is_shown(session))
		return "";
	return psprintf(", application \"%s\"", session->application);
}

char *
castssl_impact_who(const CastsslSession *session)
{
	const char *from = session->address ? psprintf(", from %s", session->address) : "";

	return psprintf("%s \"%s\"%s%s%s", session->backend_type, session->connection.user,
					session->connection.replication
						? ""
						: psprintf(", database \"%s\"", session->connection.database),
					castssl_impact_is_shown(session) ? from : "", application(session));
}

const char *
castssl_impact_reason(const CastsslImpact *impact)
{
	return castssl_impact_is_shown(impact->session)
			   ? impact->reason
			   : "Only superusers and members of pg_read_all_stats can see the reason.";
}

static void
warn(CastsslPlan *plan, const char *target, CastsslCode code, const char *detail)
{
	castssl_plan_warn(plan, "edit pg_hba", target, code, detail);
}

/* Warn of the sessions of which it is unknown whether they could come back. */
static void
warn_of_unknown(CastsslPlan *plan, const CastsslLosses *losses)
{
	StringInfoData who;

	if (losses->nunknown == 0)
		return;
	initStringInfo(&who);
	for (int i = 0; i < Min(losses->nunknown, MOST_WARNINGS); i++)
		castssl_append_listed(&who, psprintf("%d (%s)", losses->unknown[i].session->pid,
											 losses->unknown[i].session->connection.user));
	warn(plan, "sessions", CASTSSL_CODE_session_unknown,
		 psprintf("nobody can know whether %s could come back: %s%s.  %s",
				  castssl_counted(losses->nunknown, "live session", "live sessions"), who.data,
				  losses->nunknown > MOST_WARNINGS ? ", ..." : "",
				  castssl_impact_is_shown(losses->unknown[0].session)
					  ? losses->unknown[0].unknown
					  : castssl_impact_reason(losses->unknown)));
}

/*
 * What to add, at the first of them, about several losers that come in the same way.  A pool
 * keeps its sessions: they are not cut off yet.
 */
static char *
about_pool(const CastsslLosses *losses, int first)
{
	int alike = 0;

	for (int i = 0; i < losses->count; i++)
	{
		if (!castssl_session_is_alike(losses->items[first].session, losses->items[i].session))
			continue;
		if (i < first)
			return "";
		alike++;
	}
	return alike == 1 ? ""
					  : psprintf("  There are %d such sessions.  A pool keeps them until it "
								 "reconnects (RECONNECT in the console of PgBouncer).",
								 alike);
}

static void
warn_of_losses(CastsslPlan *plan, const CastsslLosses *losses)
{
	for (int i = 0; i < Min(losses->count, MOST_WARNINGS); i++)
	{
		const CastsslImpact *impact = &losses->items[i];

		warn(plan, psprintf("session %d", impact->session->pid),
			 impact->in_plaintext ? CASTSSL_CODE_session_plaintext : CASTSSL_CODE_session_cut_off,
			 psprintf(impact->in_plaintext
						  ? "is encrypted now; a connection like it (%s) could come back only in "
							"plaintext.  %s%s"
						  : "a connection like it (%s) would be refused afterwards.  %s%s",
					  castssl_impact_who(impact->session), castssl_impact_reason(impact),
					  about_pool(losses, i)));
	}
	if (losses->count > MOST_WARNINGS)
		warn(plan, "sessions", CASTSSL_CODE_session_cut_off,
			 psprintf("and %s could not come back, or only in plaintext",
					  castssl_counted(losses->count - MOST_WARNINGS, "more live session",
									  "more live sessions")));
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
	castssl_hba_plan_tidy(&differences);
	for (int i = 0; i < differences.count; i++)
	{
		const CastsslHbaDifference *difference = &differences.items[i];

		if ((difference->change != CASTSSL_HBA_NEWLY_ADMITTED &&
			 difference->change != CASTSSL_HBA_NEWLY_REFUSED) ||
			/* turning TLS off refuses everybody over TLS: that was asked for */
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
castssl_impact_warn(CastsslPlan *plan, const CastsslLosses *losses)
{
	if (plan->uses_staged || (plan->takes_back && plan->hba_changes))
		warn_of_differences(plan);
	warn_of_losses(plan, losses);
	warn_of_unknown(plan, losses);
}
