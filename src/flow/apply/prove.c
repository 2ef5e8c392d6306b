/*
 * prove.c
 *		Proves after a reload that clients get what a plan wanted.
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "flow/apply/prove.h"
#include "flow/ask/explain.h"
#include "flow/plan/hba_plan.h"
#include "flow/plan/steps.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/process/call.h"
#include "server/process/wait.h"
#include "server/sessions.h"
#include "server/world.h"

#define SERVED "certificate"
#define PAUSE 50 /* milliseconds between two handshakes */

void
castssl_prove_add_steps(CastsslPlan *plan)
{
	castssl_plan_step(plan, "reload", "server", CASTSSL_STEP_FOLLOWS,
					  plan->reload_for ? psprintf("loads %s", plan->reload_for) : NULL);
	if (!castssl_probe_possible())
	{
		castssl_plan_step(plan, "verify", SERVED, CASTSSL_STEP_SKIPPED,
						  "listen_addresses is empty: there is no TCP port to try");
		((CastsslStep *) llast(plan->steps))->code = CASTSSL_CODE_no_tcp_port;
		return;
	}
	castssl_plan_step(plan, "verify", SERVED, CASTSSL_STEP_FOLLOWS,
					  plan->fingerprint
						  ? psprintf("SHA-256 " CASTSSL_SHORT_FINGERPRINT, plan->fingerprint)
						  : NULL);
	castssl_plan_step(plan, "verify", castssl_hba_plan_file(plan->hba_before, 0),
					  CASTSSL_STEP_FOLLOWS, NULL);
}

static int
milliseconds_left(TimestampTz deadline)
{
	return (int) Min(TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline), INT_MAX);
}

/* What is wrong with a served certificate; NULL if nothing is. */
static char *
judge_fingerprint(const CastsslPlan *plan, const char *served)
{
	if (plan->fingerprint && strcmp(served, plan->fingerprint) != 0)
		return psprintf(
			"the server serves the certificate with SHA-256 fingerprint " CASTSSL_SHORT_FINGERPRINT
			" instead of " CASTSSL_SHORT_FINGERPRINT,
			served, plan->fingerprint);
	return NULL;
}

/* Only a server that says "no" has TLS off: a handshake that failed proves nothing. */
static char *
check_served(const CastsslPlan *plan, int timeout)
{
	char *problem = NULL;
	char *served;

	if (!plan->ssl_after)
		return castssl_probe_no_tls(timeout, &problem) ? NULL : problem;
	served = castssl_probe_certificate(timeout, &problem);
	return served != NULL ? judge_fingerprint(plan, served) : problem;
}

/*
 * Is the answer of pg_hba.conf to a login like the caller's own known?  Then sets
 * *expected.  A host name in the rules, for example, makes it unknown.  So does an
 * unknown client address, before the first probe.
 */
static bool
expect_login(const CastsslPlan *plan, bool tls, CastsslConnection *connection, bool *expected)
{
	const char *address = castssl_probe_address();
	const CastsslSession *own = castssl_session_own();
	CastsslQuestion question = { .brief = true };
	CastsslExplanation after;

	if (!plan->hba_changes || address == NULL || own == NULL)
		return false;
	*connection = (CastsslConnection){ .database = own->connection.database,
									   .user = own->connection.user,
									   .encryption = tls ? CASTSSL_TLS : CASTSSL_PLAINTEXT,
									   .family = strchr(address, ':') ? 6 : 4 };
	if (inet_pton(connection->family == 6 ? AF_INET6 : AF_INET, address, connection->address) != 1)
		return false;
	castssl_question_after(&question, plan);
	question.connection = *connection;
	question.address = address;
	question.world = castssl_hba_world();
	castssl_explain(&question, &after);
	/*
	 * The probe has no password and no certificate, so it does not see a refusal that comes
	 * later.
	 */
	*expected = after.verdict != CASTSSL_REFUSED || after.late;
	return after.certain;
}

/*
 * Log in and compare the answer with what pg_hba.conf demands.  Returns NULL, or what is
 * wrong.  If the answer proves nothing, sets *unproven to the reason.
 */
static char *
check_login(const CastsslPlan *plan, bool tls, int timeout, char **unproven)
{
	const char *how = tls ? "over TLS" : "in plaintext";
	CastsslConnection connection;
	CastsslProbeAnswer answer;
	bool expected;
	char *served;
	char *problem;

	if (!plan->hba_changes)
		return NULL;
	if (!expect_login(plan, tls, &connection, &expected))
	{
		*unproven = psprintf(
			"a login %s was not tried: nobody can know in advance what pg_hba.conf answers to it",
			how);
		return NULL;
	}
	answer =
		castssl_probe_login(connection.database, connection.user, tls, timeout, &served, &problem);
	if (tls && served == NULL)
		return problem;
	if (tls && judge_fingerprint(plan, served) != NULL)
		return judge_fingerprint(plan, served);
	if (answer == CASTSSL_PROBE_UNCLEAR)
	{
		*unproven = psprintf("the answer to a login %s proves nothing: %s", how, problem);
		return NULL;
	}
	if ((answer == CASTSSL_PROBE_ADMITTED) == expected)
		return NULL;
	return psprintf(
		"the new pg_hba.conf is not in effect: it %s a login %s from %s, which the server %s",
		expected ? "admits" : "refuses", how, castssl_probe_address(),
		answer == CASTSSL_PROBE_ADMITTED ? "admitted" : "refused");
}

/* The first check also finds the address that the logins come from. */
static char *
check_once(const CastsslPlan *plan, TimestampTz deadline, char **unproven)
{
	char *problem = check_served(plan, Max(milliseconds_left(deadline), PAUSE));

	if (problem == NULL && plan->ssl_after)
		problem = check_login(plan, true, Max(milliseconds_left(deadline), PAUSE), unproven);
	if (problem == NULL)
		problem = check_login(plan, false, Max(milliseconds_left(deadline), PAUSE), unproven);
	/* A cancel before everything was answered counts: the change is undone. */
	if (problem == NULL && *unproven != NULL && castssl_is_canceled())
		problem = *unproven;
	return problem;
}

/* The step about pg_hba.conf, the last one of the proof, says what was not proven. */
static void
warn_of_unproven(const CastsslPlan *plan, const char *unproven)
{
	CastsslStep *step = castssl_step_find(plan->steps, "verify");

	if (unproven == NULL || step == NULL)
		return;
	step->outcome = CASTSSL_STEP_WARNING;
	step->code = CASTSSL_CODE_not_proven;
	step->detail = unproven;
}

char *
castssl_prove(CastsslPlan *plan)
{
	TimestampTz deadline =
		TimestampTzPlusMilliseconds(GetCurrentTimestamp(), castssl_verify_timeout);
	char *unproven = NULL;
	char *problem;

	if (!castssl_probe_possible())
		return NULL;
	/* Another reload, just before ours, may not be finished yet: try again. */
	while ((problem = check_once(plan, deadline, &unproven)) != NULL && !castssl_is_canceled() &&
		   milliseconds_left(deadline) > 0)
	{
		unproven = NULL;
		castssl_sleep(PAUSE);
	}
	if (problem == NULL)
		warn_of_unproven(plan, unproven);
	return problem;
}

static bool
is_same_file(const CastsslHbaDocument *a, const CastsslHbaDocument *b)
{
	return strcmp(a->path, b->path) == 0 && a->length == b->length &&
		   memcmp(a->data, b->data, a->length) == 0;
}

char *
castssl_prove_hba_files(const CastsslPlan *plan)
{
	const CastsslHbaPolicy *wanted = plan->hba_after;
	const CastsslHbaPolicy *found;
	const CastsslHbaPolicy *longer;

	castssl_call_forget();
	found = castssl_hba_files_read(NULL, 0);
	longer = wanted->nfiles > found->nfiles ? wanted : found;
	for (int i = 0; i < longer->nfiles; i++)
	{
		if (i >= wanted->nfiles || i >= found->nfiles ||
			!is_same_file(wanted->files[i], found->files[i]))
			return psprintf("\"%s\" on disk is not as it was planned", longer->files[i]->path);
	}
	/* The same lines are other rules if a list (@file) has changed. */
	for (int i = 0; i < Max(wanted->nrules, found->nrules); i++)
	{
		if (i >= wanted->nrules || i >= found->nrules ||
			!castssl_hba_same_rule(&wanted->rules[i], &found->rules[i]))
			return psprintf("the file that rule %d of \"%s\" refers to is not as it was planned",
							i + 1, HbaFileName);
	}
	return NULL;
}

/*
 * Ignore a query cancel: the call ends with an error anyway, and must report the server's state.
 */
static char *
prove_uncanceled(CastsslPlan *plan)
{
	char *problem = NULL;

	do
	{
		QueryCancelPending = false;
		problem = castssl_prove(plan);
	} while (problem != NULL && QueryCancelPending && !castssl_is_terminated());
	return problem;
}

char *
castssl_prove_restored(void)
{
	/* hba_changes is false, so pg_hba.conf is not checked */
	CastsslPlan restored = { .ssl_after = castssl_tls_is_on() };
	CastsslCertificate certificate;

	if (!castssl_probe_possible())
		return NULL;
	if (restored.ssl_after && castssl_material_certificate_on_disk(&certificate))
		restored.fingerprint = certificate.fingerprint;
	if (restored.ssl_after == (restored.fingerprint != NULL) && prove_uncanceled(&restored) == NULL)
		return NULL;
	if (castssl_is_terminated())
		return pstrdup("a termination request came before the server's state was known");
	return pstrdup("the server does not use the restored files and parameters");
}
