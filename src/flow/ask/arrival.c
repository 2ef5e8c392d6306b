/*
 * arrival.c
 *		Has a client come in since a change, in the way that it wants clients to come?
 */
#include "postgres.h"

#include <arpa/inet.h>

#include "commands/dbcommands.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/lsyscache.h" /* for get_database_name, since 19 */
#include "utils/timestamp.h"

#include "base/clock.h"
#include "flow/ask/arrival.h"
#include "flow/ask/impact.h"
#include "flow/ask/way_in.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/probe.h"
#include "server/process/caller.h"
#include "server/sessions.h"
#include "server/world.h"

#define MOST_NAMED 5

/*
 * change->sessions lists who was connected when the change took effect.  For all others the clock
 * decides, unless it was set back.
 */
static bool
began_before(const CastsslChange *change, const CastsslSession *session)
{
	if (castssl_session_is_among(session, change->sessions))
		return true;
	if (change->server_start != 0 && change->server_start != PgStartTime)
		return false;
	return session->started <= change->applied_at &&
		   (change->sessions == NULL || GetCurrentTimestamp() >= change->applied_at);
}

static bool
came_so(const CastsslSession *session, CastsslWayIn way)
{
	switch (way)
	{
		case CASTSSL_WAY_CERTIFICATE:
			return session->client_dn != NULL;
		case CASTSSL_WAY_TLS:
			return session->connection.encryption == CASTSSL_TLS;
		case CASTSSL_WAY_TCP:
			return session->connection.family != 0;
		case CASTSSL_WAY_ANY:
			break;
	}
	return true;
}

static bool
is_seen(const CastsslChange *change, CastsslWayIn way, const CastsslSession *own,
		const CastsslSession *sessions, int count)
{
	if (own && came_so(own, way) && !began_before(change, own))
		return true;
	for (int i = 0; way != CASTSSL_WAY_ANY && i < count; i++)
	{
		if (sessions[i].pid != MyProcPid && came_so(&sessions[i], way) &&
			!began_before(change, &sessions[i]))
			return true;
	}
	return false;
}

/* ---- why not ---- */

static void
tell_own(StringInfo text, const CastsslChange *change, CastsslWayIn way, const CastsslSession *own)
{
	char *began;
	char *changed;

	if (own == NULL)
	{
		appendStringInfoString(text,
							   "This is a process of the server itself; no client has opened it.");
		return;
	}
	began = castssl_clock_text(own->started);
	changed = castssl_clock_text(change->applied_at);
	appendStringInfo(text, "This session began at %s; the change took effect at %s.  ", began,
					 changed);
	if (began_before(change, own))
		appendStringInfoString(text, "It was open before the change, so it does not show that a "
									 "new login works.");
	else
		appendStringInfo(text, "It connected %s, so it does not show that a login %s works.",
						 own->connection.family == 0 ? "by a Unix-domain socket"
						 : own->connection.encryption != CASTSSL_TLS
							 ? "without TLS"
							 : "without a client certificate",
						 castssl_way_in_name(way));
	appendStringInfoString(text, "  If there is a pooler in between, this is about the pooler's "
								 "connection to the server, not about yours to the pooler.");
}

static void
tell_who_is_refused(StringInfo text, const CastsslChange *change, const CastsslHbaPolicy *policy,
					const CastsslSession *sessions, int count)
{
	CastsslQuestion question = { 0 };
	const CastsslImpact *impacts;
	int refused = 0;

	castssl_question_now(&question, policy);
	impacts = castssl_impact(sessions, count, &question);
	for (int i = 0; i < count; i++)
	{
		const CastsslSession *session = impacts[i].session;

		if ((impacts[i].verdict != CASTSSL_REFUSED && !impacts[i].in_plaintext) ||
			!began_before(change, session) || ++refused > MOST_NAMED)
			continue;
		appendStringInfo(text, "%s%s",
						 refused == 1 ? "  Live sessions that could not come back as they are: "
									  : "; ",
						 castssl_impact_who(session));
	}
	if (refused > MOST_NAMED)
		appendStringInfo(text, "; and %d more", refused - MOST_NAMED);
	if (refused > 0)
		appendStringInfoChar(text, '.');
}

/* ---- how the caller would come in ---- */

static void
append_conninfo(StringInfo text, const char *name, const char *value)
{
	appendStringInfo(text, "%s%s=", text->len > 0 ? " " : "", name);
	if (value[0] != '\0' && strpbrk(value, " '\\\t\n\r\f\v") == NULL)
	{
		appendStringInfoString(text, value);
		return;
	}
	appendStringInfoChar(text, '\'');
	for (; *value; value++)
	{
		if (*value == '\'' || *value == '\\')
			appendStringInfoChar(text, '\\');
		appendStringInfoChar(text, *value);
	}
	appendStringInfoChar(text, '\'');
}

static bool
set_address(CastsslConnection *connection, const char *address)
{
	connection->family = strchr(address, ':') ? 6 : 4;
	return inet_pton(connection->family == 6 ? AF_INET6 : AF_INET, address, connection->address) ==
		   1;
}

/* Is a login from that address not refused, except by its password? */
static bool
comes_in(const CastsslHbaPolicy *policy, const CastsslConnection *connection, const char *address,
		 bool certificate)
{
	CastsslQuestion question = { .connection = *connection,
								 .address = address,
								 .shows_certificate = certificate,
								 .cn = connection->user,
								 .world = castssl_hba_world(),
								 .brief = true,
								 .knows_secrets = castssl_caller_is_superuser() };
	CastsslExplanation explanation;

	castssl_question_now(&question, policy);
	castssl_explain(&question, &explanation);
	return explanation.verdict != CASTSSL_REFUSED;
}

/*
 * Describe a connection from where the caller came by TCP, or else from the server's own host.
 * There the client's address is the one that it connects to.
 */
static void
find_way_in(CastsslArrival *arrival, const CastsslHbaPolicy *policy, CastsslWayIn way,
			const CastsslSession *own)
{
	bool tls = way != CASTSSL_WAY_TCP;
	bool is_tcp = own && own->server_address;
	const char *host = is_tcp ? own->server_address : castssl_probe_host();
	const char *address = is_tcp ? own->address : host;
	CastsslConnection connection = { 0 };
	StringInfoData text;

	if (own == NULL || host == NULL || address == NULL || !set_address(&connection, address))
		return;
	connection.user = own->connection.user;
	connection.database = get_database_name(MyDatabaseId);
	connection.encryption = tls ? CASTSSL_TLS : CASTSSL_PLAINTEXT;
	arrival->certificate =
		way == CASTSSL_WAY_CERTIFICATE || !comes_in(policy, &connection, address, false);
	if (arrival->certificate && (!tls || !comes_in(policy, &connection, address, true)))
		return;
	initStringInfo(&text);
	append_conninfo(&text, "host", host);
	append_conninfo(&text, "port", psprintf("%d", PostPortNumber));
	append_conninfo(&text, "user", connection.user);
	append_conninfo(&text, "dbname", connection.database);
	append_conninfo(&text, "sslmode", tls ? "require" : "disable");
	if (castssl_hba_gss_possible())
		append_conninfo(&text, "gssencmode", "disable");
	arrival->conninfo = text.data;
}

/* Why nobody can come in this way. */
static char *
why_closed(CastsslWayIn way)
{
	if (!castssl_probe_possible())
		return "listen_addresses is empty.";
	if (way != CASTSSL_WAY_TCP && !castssl_tls_is_on())
		return "TLS is off.";
	return castssl_tls_is_on()
			   ? "No line of pg_hba.conf admits anybody in this way."
			   : "TLS is off, and no line of pg_hba.conf admits anybody without TLS.";
}

CastsslArrival
castssl_arrival(const CastsslChange *change)
{
	CastsslArrival arrival = { 0 };
	const CastsslHbaPolicy *policy = castssl_hba_files_read(NULL, 0);
	const CastsslSession *own = castssl_session_own();
	CastsslWayIn way = castssl_way_in_wanted(change, policy);
	bool tls = castssl_tls_is_on();
	StringInfoData text;
	const CastsslSession *sessions;
	int count;

	if (!castssl_way_in_is_open(way, policy, tls))
	{
		if (!castssl_way_in_is_open(CASTSSL_WAY_TCP, policy, tls))
			way = CASTSSL_WAY_TCP;
		arrival.closed = true;
		arrival.wanted = castssl_way_in_name(way);
		arrival.detail = why_closed(way);
		return arrival;
	}
	sessions = castssl_sessions_read(&count);
	arrival.seen = is_seen(change, way, own, sessions, count);
	if (arrival.seen)
		return arrival;
	arrival.wanted = castssl_way_in_name(way);
	initStringInfo(&text);
	tell_own(&text, change, way, own);
	tell_who_is_refused(&text, change, policy, sessions, count);
	arrival.detail = text.data;
	if (way != CASTSSL_WAY_ANY)
		find_way_in(&arrival, policy, way, own);
	return arrival;
}
