/*
 * way_in.c
 *		The way in which clients should come in after a change, and whether that way is open.
 */
#include "postgres.h"

#include "flow/ask/way_in.h"
#include "flow/plan/hba_plan.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/world.h"

static bool
admits(const CastsslHbaRule *rule, CastsslEncryption encryption)
{
	return rule->error == NULL && strcmp(rule->method, "reject") != 0 &&
		   castssl_hba_type_takes(rule->type, 4, encryption);
}

static bool
is_admitted_so(const CastsslHbaPolicy *policy, CastsslEncryption encryption)
{
	for (int i = 0; i < policy->nrules; i++)
	{
		if (admits(&policy->rules[i], encryption))
			return true;
	}
	return false;
}

bool
castssl_way_in_is_open(CastsslWayIn way, const CastsslHbaPolicy *policy, bool tls)
{
	if (way == CASTSSL_WAY_ANY)
		return true;
	if (!castssl_probe_possible())
		return false;
	if (tls && is_admitted_so(policy, CASTSSL_TLS))
		return true;
	return way == CASTSSL_WAY_TCP &&
		   (is_admitted_so(policy, CASTSSL_PLAINTEXT) ||
			(castssl_hba_gss_possible() && is_admitted_so(policy, CASTSSL_GSS)));
}

/* Does a rule ask for a certificate that the policy before does not have? */
static bool
asks_for_certificate(const CastsslPlan *plan)
{
	const CastsslHbaPolicy *before;

	if (!plan->hba_changes)
		return false;
	before = castssl_hba_plan_as_meant(plan->hba_before);
	for (int i = 0; i < plan->hba_after->nrules; i++)
	{
		const CastsslHbaRule *rule = &plan->hba_after->rules[i];

		if (admits(rule, CASTSSL_TLS) && rule->clientcert != CASTSSL_CLIENTCERT_NONE &&
			!castssl_hba_has_rule(before, rule))
			return true;
	}
	return false;
}

/* The way for what the change touches, as far as it is open; never CASTSSL_WAY_CERTIFICATE. */
static CastsslWayIn
way_through(const CastsslChange *change, const CastsslHbaPolicy *policy, bool tls)
{
	if (!change->touches_tcp)
		return CASTSSL_WAY_ANY;
	if (change->touches_over_tls && castssl_way_in_is_open(CASTSSL_WAY_TLS, policy, tls))
		return CASTSSL_WAY_TLS;
	return castssl_way_in_is_open(CASTSSL_WAY_TCP, policy, tls) ? CASTSSL_WAY_TCP : CASTSSL_WAY_ANY;
}

static bool
was_open(const CastsslPlan *plan)
{
	return castssl_way_in_is_open(CASTSSL_WAY_TCP, plan->hba_before, castssl_tls_is_on());
}

void
castssl_way_in_of_plan(CastsslChange *change, const CastsslPlan *plan)
{
	change->touches_tcp = plan->touches_tls || castssl_hba_plan_touches_tcp(plan, false);
	change->touches_over_tls = plan->touches_tls || castssl_hba_plan_touches_tcp(plan, true);
	change->way_in = way_through(change, plan->hba_after, plan->ssl_after);
	if (change->way_in == CASTSSL_WAY_TLS && asks_for_certificate(plan))
		change->way_in = CASTSSL_WAY_CERTIFICATE;
	if (change->way_in == CASTSSL_WAY_ANY && change->touches_tcp && was_open(plan))
		change->way_in = CASTSSL_WAY_TCP;
}

CastsslWayIn
castssl_way_in_wanted(const CastsslChange *change, const CastsslHbaPolicy *policy)
{
	return Max(change->way_in, way_through(change, policy, castssl_tls_is_on()));
}

bool
castssl_way_in_is_closed_by(const CastsslPlan *plan)
{
	return was_open(plan) &&
		   !castssl_way_in_is_open(CASTSSL_WAY_TCP, plan->hba_after, plan->ssl_after);
}

const char *
castssl_way_in_name(CastsslWayIn way)
{
	static const char *const names[] = { [CASTSSL_WAY_TCP] = "by TCP",
										 [CASTSSL_WAY_TLS] = "over TLS",
										 [CASTSSL_WAY_CERTIFICATE] =
											 "over TLS with a client certificate" };

	return names[way];
}
