/*
 * hba_explain.c
 *		castssl_hba_explain: which line of pg_hba.conf answers a connection, and why.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/htup_details.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inet.h"

#include "api/arguments.h"
#include "api/entry.h"
#include "api/result.h"
#include "change/worker.h"
#include "flow/ask/explain.h"
#include "flow/recipe/staging.h"
#include "server/caller.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/world.h"

/* The address of one client; NULL: a Unix-domain socket. */
static void
set_address(CastsslQuestion *question, FunctionCallInfo fcinfo, int n)
{
	CastsslConnection *connection = &question->connection;
	inet *address;

	if (PG_ARGISNULL(n))
		return;
	address = PG_GETARG_INET_PP(n);
	question->address =
		TextDatumGetCString(DirectFunctionCall1(network_host, InetPGetDatum(address)));
	if (ip_bits(address) != ip_maxbits(address))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("address must be that of one client"),
						errdetail("A netmask of %d bits makes it many.", ip_bits(address)),
						errhint("Give it without a netmask.")));
	connection->family = ip_family(address) == PGSQL_AF_INET ? 4 : 6;
	memcpy(connection->address, ip_addr(address), ip_addrsize(address));
}

static void
set_encryption(CastsslConnection *connection, const char *name)
{
	if (strcmp(name, "none") == 0)
		connection->encryption = CASTSSL_PLAINTEXT;
	else if (strcmp(name, "tls") == 0)
		connection->encryption = CASTSSL_TLS;
	else if (strcmp(name, "gss") == 0)
		connection->encryption = CASTSSL_GSS;
	else
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for encryption: \"%s\"", name),
						errdetail("It is how the connection is encrypted."),
						errhint("Use none, tls or gss.")));
	/* a Unix-domain socket has no encryption, whatever the default says */
	if (connection->family == 0)
		connection->encryption = CASTSSL_PLAINTEXT;
}

/*
 * castssl_hba_explain(database, user_name, address, encryption, replication,
 *					   client_certificate, staged)
 */
CASTSSL_FUNCTION(castssl_hba_explain)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	CastsslQuestion question = { 0 };
	CastsslExplanation explanation;
	Datum values[5] = { 0 };
	bool nulls[5] = { false };

	castssl_worker_tell();
	question.connection.replication = castssl_argument_bool(fcinfo, 4);
	question.connection.database =
		question.connection.replication ? "" : castssl_argument_required(fcinfo, 0, "database");
	question.connection.user = castssl_argument_required(fcinfo, 1, "user_name");
	set_address(&question, fcinfo, 2);
	set_encryption(&question.connection, castssl_argument_required(fcinfo, 3, "encryption"));
	question.certificate = castssl_argument_text(fcinfo, 5);
	question.policy = castssl_argument_bool(fcinfo, 6) ? castssl_staging_policy(NULL)
													   : castssl_hba_files_read(NULL, 0);
	question.world = castssl_hba_world();
	question.tls = castssl_tls_is_on();
	question.has_ca = castssl_ca_is_configured();
	question.show_secrets = castssl_caller_is_superuser();
	castssl_explain(&question, &explanation);

	castssl_set_text(values, nulls, 0, castssl_verdict_name(explanation.verdict));
	nulls[1] = nulls[2] = true;
	if (explanation.rule >= 0)
	{
		const CastsslHbaRule *rule = &question.policy->rules[explanation.rule];

		castssl_set_text(values, nulls, 1, question.policy->files[rule->file]->path);
		nulls[2] = false;
		values[2] = Int32GetDatum(rule->line_number);
	}
	castssl_set_text(values, nulls, 3, explanation.text);
	castssl_set_text(values, nulls, 4, explanation.reason);
	castssl_rows_add(&rows, values, nulls);
	return (Datum) 0;
}
