/*
 * question.c
 *		The facts about a connection, and about the server, that decide who gets in.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "flow/ask/question.h"
#include "server/parameters.h"
#include "server/process/peer.h"
#include "tls/certificate.h"

void
castssl_question_now(CastsslQuestion *question, const CastsslHbaPolicy *policy)
{
	question->policy = policy;
	question->tls = castssl_tls_is_on();
	question->has_ca = castssl_ca_is_configured();
	question->material = NULL;
	question->ciphers = castssl_parameter_value("ssl_ciphers");
	question->terms_before = question->terms_after = NULL;
	question->rotation = NULL;
}

/* The TLS parameters of the server once the plan is in effect; plan NULL: now. */
static const CastsslTlsTerms *
tls_terms(const CastsslPlan *plan)
{
	CastsslTlsTerms *terms = palloc(sizeof(CastsslTlsTerms));
	/* 18 has another name for ssl_ecdh_curve, and a parameter for the ciphers of TLS 1.3 */
	bool several = GetConfigOption("ssl_groups", true, false) != NULL;

#define VALUE(name) (plan ? castssl_plan_value(plan, name) : castssl_parameter_value(name))
	terms->min_version = VALUE("ssl_min_protocol_version");
	terms->max_version = VALUE("ssl_max_protocol_version");
	terms->ciphers = VALUE("ssl_ciphers");
	terms->suites = several ? VALUE("ssl_tls13_ciphers") : "";
	terms->groups = VALUE(several ? "ssl_groups" : "ssl_ecdh_curve");
	terms->prefers = strcmp(VALUE("ssl_prefer_server_ciphers"), "on") == 0;
#undef VALUE
	return terms;
}

static bool
same_terms(const CastsslTlsTerms *one, const CastsslTlsTerms *other)
{
	return strcmp(one->min_version, other->min_version) == 0 &&
		   strcmp(one->max_version, other->max_version) == 0 &&
		   strcmp(one->ciphers, other->ciphers) == 0 && strcmp(one->suites, other->suites) == 0 &&
		   strcmp(one->groups, other->groups) == 0;
}

void
castssl_question_after(CastsslQuestion *question, const CastsslPlan *plan)
{
	question->policy = plan->hba_after;
	question->tls = plan->ssl_after;
	question->material = plan->material;
	question->has_ca = plan->material ? plan->material->files[CASTSSL_ROLE_CA].path != NULL
									  : castssl_ca_is_configured();
	question->ciphers = castssl_plan_value(plan, "ssl_ciphers");
	question->rotation = plan->rotation;
	question->terms_before = tls_terms(NULL);
	question->terms_after = tls_terms(plan);
	if (same_terms(question->terms_before, question->terms_after))
		question->terms_before = question->terms_after = NULL;
}

/*
 * The CN in a subject as pg_stat_ssl shows it.  NULL if it is unknown: a subject of NAMEDATALEN -
 * 1 bytes may be cut.
 */
static const char *
common_name(const char *subject)
{
	if (subject == NULL || strlen(subject) >= NAMEDATALEN - 1)
		return NULL;
	return castssl_name_slashes_cn(subject);
}

void
castssl_question_session(CastsslQuestion *question, const CastsslSession *session)
{
	question->connection = session->connection;
	question->address = session->address;
	question->walsender = strcmp(session->backend_type, "walsender") == 0;
	question->past =
		(CastsslTlsPast){ .version = session->tls_version, .cipher = session->tls_cipher };
	question->principal = session->principal;
	question->account = NULL;
	if (session->pid == MyProcPid)
	{
		question->account = castssl_peer_account();
		question->past.ciphers = castssl_peer_ciphers();
		question->past.groups = castssl_peer_groups();
	}
	question->shows_certificate = session->client_dn != NULL;
	question->issuer = session->issuer_dn;
	question->serial = session->client_serial;
	question->cn = common_name(session->client_dn);
	question->certificate = session->pid == MyProcPid ? castssl_peer_certificates() : NULL;
}
