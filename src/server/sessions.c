/*
 * sessions.c
 *		Live client sessions and walsenders, as the server's own views show them.
 */
#include "postgres.h"

#include <netinet/in.h>

#include "access/htup_details.h"
#include "base/words.h"
#include "commands/dbcommands.h"
#include "common/ip.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "replication/walsender.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inet.h"
#include "utils/lsyscache.h" /* for get_database_name, since 19 */
#include "utils/timestamp.h"

#include "server/process/query.h"
#include "server/sessions.h"

/*
 * The same rows as pg_stat_activity, pg_stat_ssl and pg_stat_gssapi, from the function
 * that all three views use: planning a join of the views takes most of the time.
 *
 * A certificate may have an empty subject.  The views then show NULL, as for no
 * certificate, but the serial number tells the two apart.
 */
static const char *const sessions_query =
	"SELECT pid, backend_type, datid, usesysid, client_addr, "
	"       COALESCE(ssl, false), COALESCE(gss_enc, false), "
	"       CASE WHEN ssl_client_serial IS NOT NULL THEN COALESCE(ssl_client_dn, '') "
	"            ELSE ssl_client_dn END, "
	"       ssl_issuer_dn, backend_start, ssl_client_serial, sslversion, gss_princ, "
	"       sslcipher, application_name "
	"FROM pg_catalog.pg_stat_get_activity(NULL) "
	"WHERE backend_type OPERATOR(pg_catalog.=) "
	"          ANY (ARRAY['client backend', 'walsender']::pg_catalog.text[]) "
	"ORDER BY backend_start, pid";

/* A value of the query's result, copied to the context of the caller; NULL for NULL. */
static char *
text_column(MemoryContext context, int row, int column)
{
	char *value = SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);

	return value == NULL ? NULL : MemoryContextStrdup(context, value);
}

static Datum
column_datum(int row, int column, bool *isnull)
{
	return SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, isnull);
}

static bool
bool_column(int row, int column)
{
	bool isnull;
	Datum value = column_datum(row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

static CastsslEncryption
encryption_of(bool tls, bool gss)
{
	return tls ? CASTSSL_TLS : (gss ? CASTSSL_GSS : CASTSSL_PLAINTEXT);
}

/* The client's address; a Unix-domain socket has none. */
static void
set_address(CastsslSession *session, MemoryContext context, int row, int column)
{
	bool isnull;
	Datum value = column_datum(row, column, &isnull);
	inet *address;

	if (isnull)
		return;
	address = DatumGetInetPP(value);
	session->connection.family = ip_family(address) == PGSQL_AF_INET ? 4 : 6;
	memcpy(session->connection.address, ip_addr(address), ip_addrsize(address));
	session->address =
		MemoryContextStrdup(context, TextDatumGetCString(DirectFunctionCall1(network_host, value)));
}

static Oid
oid_column(int row, int column)
{
	bool isnull;
	Datum value = column_datum(row, column, &isnull);

	return isnull ? InvalidOid : DatumGetObjectId(value);
}

/* False if nobody has logged in yet, or if the role was dropped meanwhile. */
static bool
set_session(CastsslSession *session, MemoryContext context, int row)
{
	Oid user = oid_column(row, 4);
	const char *user_name = OidIsValid(user) ? GetUserNameFromId(user, true) : NULL;
	const char *database;
	bool isnull;

	if (user_name == NULL)
		return false;
	database = get_database_name(oid_column(row, 3));
	session->pid = DatumGetInt32(column_datum(row, 1, &isnull));
	session->backend_type = text_column(context, row, 2);
	/* A walsender without a database does physical replication. */
	session->connection.replication = database == NULL;
	session->connection.database = MemoryContextStrdup(context, database != NULL ? database : "");
	session->connection.user = MemoryContextStrdup(context, user_name);
	set_address(session, context, row, 5);
	session->connection.encryption = encryption_of(bool_column(row, 6), bool_column(row, 7));
	session->client_dn = text_column(context, row, 8);
	session->issuer_dn = text_column(context, row, 9);
	session->started = DatumGetTimestampTz(column_datum(row, 10, &isnull));
	session->client_serial = text_column(context, row, 11);
	session->tls_version = text_column(context, row, 12);
	session->principal = text_column(context, row, 13);
	session->tls_cipher = text_column(context, row, 14);
	session->application = text_column(context, row, 15);
	return true;
}

CastsslSession *
castssl_sessions_read(int *count)
{
	MemoryContext context = CurrentMemoryContext;
	CastsslSession *sessions;

	pgstat_clear_snapshot(); /* to see sessions that began after the transaction's first look */
	SPI_connect();
	castssl_query(sessions_query);

	*count = 0;
	sessions = MemoryContextAllocZero(context, (SPI_processed + 1) * sizeof(CastsslSession));
	for (uint64 row = 0; row < SPI_processed; row++)
	{
		if (set_session(&sessions[*count], context, (int) row))
			(*count)++;
	}
	SPI_finish();
	return sessions;
}

bool
castssl_session_is_alike(const CastsslSession *a, const CastsslSession *b)
{
	return strcmp(a->connection.user, b->connection.user) == 0 &&
		   strcmp(a->connection.database, b->connection.database) == 0 &&
		   a->connection.replication == b->connection.replication &&
		   a->connection.encryption == b->connection.encryption &&
		   castssl_same_text(a->address, b->address) &&
		   castssl_same_text(a->client_dn, b->client_dn);
}

/* Numeric, as in pg_stat_activity: without the zone of a link-local address; NULL: unknown. */
static char *
address_text(const SockAddr *address)
{
	char text[NI_MAXHOST];

	if (pg_getnameinfo_all(&address->addr, address->salen, text, sizeof(text), NULL, 0,
						   NI_NUMERICHOST) != 0)
		return NULL;
	text[strcspn(text, "%")] = '\0';
	return pstrdup(text);
}

/* The client of this backend. */
static void
set_own_address(CastsslSession *session, const Port *port)
{
	const struct sockaddr_storage *address = &port->raddr.addr;

	if (address->ss_family == AF_INET)
	{
		session->connection.family = 4;
		memcpy(session->connection.address, &((const struct sockaddr_in *) address)->sin_addr, 4);
	}
	else if (address->ss_family == AF_INET6)
	{
		session->connection.family = 6;
		memcpy(session->connection.address, &((const struct sockaddr_in6 *) address)->sin6_addr,
			   16);
	}
	else
		return;
	session->address = address_text(&port->raddr);
	session->server_address = address_text(&port->laddr);
}

static bool
own_is_gss_encrypted(Port *port)
{
#ifdef ENABLE_GSS
	return be_gssapi_get_enc(port);
#else
	return false;
#endif
}

static const char *
own_principal(Port *port)
{
#ifdef ENABLE_GSS
	const char *principal = be_gssapi_get_auth(port) ? be_gssapi_get_princ(port) : NULL;

	return principal ? pstrdup(principal) : NULL;
#else
	return NULL;
#endif
}

const CastsslSession *
castssl_session_own(void)
{
	Port *port = MyProcPort;
	CastsslSession *session;

	if (port == NULL)
		return NULL; /* LCOV_EXCL_LINE: a background worker, which does not call this yet */

	session = palloc0(sizeof(CastsslSession));
	session->pid = MyProcPid;
	session->backend_type = am_walsender ? "walsender" : "client backend";
	session->connection.replication = am_walsender && !am_db_walsender;
	session->connection.database = pstrdup(port->database_name);
	session->connection.user = pstrdup(port->user_name);
	session->connection.encryption = encryption_of(port->ssl_in_use, own_is_gss_encrypted(port));
	set_own_address(session, port);
	session->principal = own_principal(port);
	if (port->ssl_in_use)
	{
		session->tls_version = pstrdup(be_tls_get_version(port));
		session->tls_cipher = pstrdup(be_tls_get_cipher(port));
	}
	if (port->ssl_in_use && port->peer_cert_valid)
	{
		char name[NAMEDATALEN * 4];

		be_tls_get_peer_subject_name(port, name, sizeof(name));
		session->client_dn = pstrdup(name);
		be_tls_get_peer_issuer_name(port, name, sizeof(name));
		session->issuer_dn = pstrdup(name);
	}
	session->application = application_name ? pstrdup(application_name) : NULL;
	session->started = MyStartTimestamp;
	return session;
}

char *
castssl_sessions_identities(void)
{
	StringInfoData text;
	int count;
	CastsslSession *sessions;

	sessions = castssl_sessions_read(&count);
	initStringInfo(&text);
	for (int i = 0; i < count; i++)
		appendStringInfo(&text, " %d/" INT64_FORMAT, sessions[i].pid, (int64) sessions[i].started);
	appendStringInfoChar(&text, ' ');
	return text.data;
}

bool
castssl_session_is_among(const CastsslSession *session, const char *identities)
{
	return identities != NULL && strstr(identities, psprintf(" %d/" INT64_FORMAT " ", session->pid,
															 (int64) session->started)) != NULL;
}
