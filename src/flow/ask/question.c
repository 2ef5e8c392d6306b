/*
 * question.c
 *		The facts about a connection, and about the server, that decide who gets in.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "flow/ask/question.h"
#include "server/parameters.h"
#include "server/process/peer.h"

void
castssl_question_now(CastsslQuestion *question, const CastsslHbaPolicy *policy)
{
	question->policy = policy;
	question->tls = castssl_tls_is_on();
	question->has_ca = castssl_ca_is_configured();
	question->material = NULL;
	question->ciphers = castssl_parameter_value("ssl_ciphers");
	question->min_protocol = NULL;
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
	question->min_protocol = castssl_plan_value(plan, "ssl_min_protocol_version");
}

/*
 * The CN in a subject as pg_stat_ssl shows it ("/CN=alice/O=x"): the first one, as the server
 * takes it.  Only for a CN without a slash.
 */
static const char *
common_name(const char *subject)
{
	const char *found = subject ? strstr(subject, "/CN=") : NULL;

	return found ? pnstrdup(found + 4, strcspn(found + 4, "/")) : NULL;
}

void
castssl_question_session(CastsslQuestion *question, const CastsslSession *session)
{
	question->connection = session->connection;
	question->address = session->address;
	question->walsender = strcmp(session->backend_type, "walsender") == 0;
	question->tls_version = session->tls_version;
	question->principal = session->principal;
	question->account = session->pid == MyProcPid ? castssl_peer_account() : NULL;
	question->shows_certificate = session->client_dn != NULL;
	question->cn = common_name(session->client_dn);
	question->certificate = session->pid == MyProcPid ? castssl_peer_certificates() : NULL;
}
