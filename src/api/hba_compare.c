/*
 * hba_compare.c
 *		castssl_hba_compare and castssl_hba_impact: the effects of the staged edits.
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "utils/builtins.h"
#include "utils/inet.h"

#include "api/entry.h"
#include "api/result.h"
#include "flow/ask/impact.h"
#include "flow/recipe/staging.h"
#include "hba/access/compare.h"
#include "server/parameters.h"
#include "server/world.h"

static void
set_line(Datum *values, bool *nulls, int column, const CastsslHbaPolicy *policy, int rule)
{
	nulls[column] = rule < 0;
	if (rule >= 0)
		values[column] = Int32GetDatum(policy->rules[rule].line_number);
}

static void
set_example(Datum *values, bool *nulls, const CastsslConnection *witness)
{
	char text[INET6_ADDRSTRLEN];

	castssl_set_text(values, nulls, 10, witness->replication ? NULL : witness->database);
	castssl_set_text(values, nulls, 11, witness->user);
	nulls[12] = witness->family == 0;
	if (witness->family != 0)
		values[12] = DirectFunctionCall1(
			inet_in, CStringGetDatum(inet_ntop(witness->family == 6 ? AF_INET6 : AF_INET,
											   witness->address, text, sizeof(text))));
}

static bool
ssl_is_on(void)
{
	return castssl_tls_is_on();
}

/* castssl_hba_compare() */
CASTSSL_FUNCTION(castssl_hba_compare_staged)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	CastsslHbaPolicy *before;
	CastsslHbaPolicy *after;
	CastsslHbaDifferences differences = { 0 };
	bool ssl = ssl_is_on();

	castssl_staging_check();
	after = castssl_staging_policy(&before);
	castssl_hba_compare(before, ssl, after, ssl, castssl_hba_world_with_roles(), &differences);
	for (int i = 0; i < differences.count; i++)
	{
		const CastsslHbaDifference *difference = &differences.items[i];
		Datum values[13] = { 0 };
		bool nulls[13] = { false };

		castssl_set_text(values, nulls, 0, castssl_hba_change_name(difference->change));
		castssl_set_text(values, nulls, 1, difference->encryption);
		castssl_set_text(values, nulls, 2, difference->database);
		castssl_set_text(values, nulls, 3, difference->user);
		castssl_set_text(values, nulls, 4, difference->address);
		castssl_set_text(values, nulls, 5, difference->before);
		castssl_set_text(values, nulls, 6, difference->after);
		set_line(values, nulls, 7, before, difference->before_rule);
		set_line(values, nulls, 8, after, difference->after_rule);
		values[9] = BoolGetDatum(difference->certain);
		set_example(values, nulls, &difference->witness);
		castssl_rows_add(&rows, values, nulls);
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
	CastsslImpact *impacts;

	castssl_staging_check();
	sessions = castssl_sessions_read(&count);
	impacts = castssl_impact(sessions, count, castssl_staging_policy(NULL), ssl_is_on(),
							 castssl_ca_is_configured());
	for (int i = 0; i < count; i++)
	{
		const CastsslSession *session = impacts[i].session;
		Datum values[9] = { Int32GetDatum(session->pid) };
		bool nulls[9] = { false };

		castssl_set_text(values, nulls, 1, session->backend_type);
		castssl_set_text(values, nulls, 2,
						 session->connection.replication ? NULL : session->connection.database);
		castssl_set_text(values, nulls, 3, session->connection.user);
		nulls[4] = session->address == NULL;
		if (session->address)
			values[4] = DirectFunctionCall1(inet_in, CStringGetDatum(session->address));
		castssl_set_text(values, nulls, 5, encryption_name(&session->connection));
		castssl_set_text(values, nulls, 6, session->client_dn);
		castssl_set_text(values, nulls, 7, castssl_verdict_name(impacts[i].verdict));
		castssl_set_text(values, nulls, 8, impacts[i].reason);
		castssl_rows_add(&rows, values, nulls);
	}
	return (Datum) 0;
}
