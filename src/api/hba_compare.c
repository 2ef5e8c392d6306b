/*
 * hba_compare.c
 *		castssl_hba_compare and castssl_hba_impact: the effects of the staged edits.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inet.h"

#include "api/entry.h"
#include "api/result.h"
#include "change/worker.h"
#include "flow/ask/impact.h"
#include "flow/plan/hba_plan.h"
#include "flow/recipe/staging.h"
#include "hba/access/compare.h"
#include "flow/ask/fallback.h"
#include "hba/text/address.h"
#include "server/parameters.h"
#include "server/world.h"

static void
set_line(CastsslRow *row, const char *column, const CastsslHbaPolicy *policy, int rule)
{
	if (rule >= 0)
		castssl_row_int(row, column, policy->rules[rule].line_number);
}

static void
set_example(CastsslRow *row, const CastsslConnection *witness)
{
	char text[CASTSSL_IP_SIZE];

	if (!witness->replication)
		castssl_row_text(row, "example_database", witness->database);
	castssl_row_text(row, "example_user", witness->user);
	if (witness->family != 0)
		castssl_row_inet(row, "example_address",
						 castssl_ip_text(witness->family, witness->address, text));
}

/* castssl_hba_compare() */
CASTSSL_FUNCTION(castssl_hba_compare_staged)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	CastsslHbaPolicy *before;
	CastsslHbaPolicy *after;
	const CastsslHbaPolicy *meant;
	const CastsslHbaWorld *world;
	CastsslHbaDifferences differences = { 0 };
	bool ssl = castssl_tls_is_on();

	castssl_worker_tell();
	castssl_staging_check();
	after = castssl_staging_policy(&before);
	meant = castssl_hba_plan_as_meant(before);
	world = castssl_hba_world_with_roles();
	castssl_hba_compare(meant, ssl, after, ssl, world, &differences);
	if (ssl)
		castssl_hba_add_fallbacks(meant, after, world, &differences);
	castssl_hba_plan_tidy(&differences);
	for (int i = 0; i < differences.count; i++)
	{
		const CastsslHbaDifference *difference = &differences.items[i];
		CastsslRow row = castssl_row_begin(rows.descriptor);

		castssl_row_text(&row, "change", castssl_hba_change_name(difference->change));
		castssl_row_text(&row, "encryption", difference->encryption);
		castssl_row_text(&row, "database", difference->database);
		castssl_row_text(&row, "user_name", difference->user);
		castssl_row_text(&row, "address", difference->address);
		castssl_row_text(&row, "before", difference->before);
		castssl_row_text(&row, "after", difference->after);
		set_line(&row, "before_line", before, difference->before_rule);
		set_line(&row, "after_line", after, difference->after_rule);
		castssl_row_bool(&row, "certain", difference->certain);
		set_example(&row, &difference->witness);
		castssl_rows_add(&rows, &row);
	}
	return (Datum) 0;
}

static const char *
encryption_name(const CastsslConnection *connection)
{
	if (connection->family == 0)
		return "socket";
	switch (connection->encryption)
	{
		case CASTSSL_PLAINTEXT:
			return "none";
		case CASTSSL_TLS:
			return "tls";
		case CASTSSL_GSS:
			return "gss";
	}
	return NULL;
}

/* castssl_hba_impact() */
CASTSSL_FUNCTION(castssl_hba_impact)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	int count;
	const CastsslSession *sessions;
	CastsslQuestion question = { 0 };
	CastsslImpact *impacts;

	castssl_worker_tell();
	castssl_staging_check();
	sessions = castssl_sessions_read(&count);
	castssl_question_now(&question, castssl_staging_policy(NULL));
	impacts = castssl_impact(sessions, count, &question);
	for (int i = 0; i < count; i++)
	{
		const CastsslSession *session = impacts[i].session;
		CastsslRow row = castssl_row_begin(rows.descriptor);

		castssl_row_int(&row, "pid", session->pid);
		castssl_row_text(&row, "backend_type", session->backend_type);
		castssl_row_text(&row, "database",
						 session->connection.replication ? NULL : session->connection.database);
		castssl_row_text(&row, "user_name", session->connection.user);
		castssl_row_inet(&row, "address", session->address);
		castssl_row_text(&row, "encryption", encryption_name(&session->connection));
		castssl_row_text(&row, "client_dn", session->client_dn);
		castssl_row_text(&row, "verdict", castssl_impact_name(&impacts[i]));
		castssl_row_said(&row, "reason", impacts[i].reason);
		castssl_rows_add(&rows, &row);
	}
	return (Datum) 0;
}
