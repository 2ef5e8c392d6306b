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
#include "server/hba_files.h"
#include "server/process/caller.h"
#include "server/process/raise.h"
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
	/* in the order of CastsslEncryption */
	static const char *const names[] = { "none", "tls", "gss", NULL };

	connection->encryption = (CastsslEncryption) castssl_choice(
		"encryption", name, names, "For example: encryption => 'tls'.");
	/* there is no encryption on a Unix-domain socket, whatever the default says */
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
	CastsslRow row = castssl_row_begin(rows.descriptor);

	castssl_worker_tell();
	question.connection.replication = castssl_argument_bool(fcinfo, 4);
	question.connection.database =
		question.connection.replication ? "" : castssl_argument_required(fcinfo, 0, "database");
	question.connection.user = castssl_argument_required(fcinfo, 1, "user_name");
	set_address(&question, fcinfo, 2);
	set_encryption(&question.connection, castssl_argument_required(fcinfo, 3, "encryption"));
	question.certificate = castssl_argument_pem(fcinfo, 5);
	castssl_question_now(&question, castssl_argument_bool(fcinfo, 6)
										? castssl_staging_policy(NULL)
										: castssl_hba_files_read(NULL, 0));
	question.world = castssl_hba_world();
	question.show_secrets = castssl_caller_is_superuser();
	question.knows_secrets = question.show_secrets;
	castssl_explain(&question, &explanation);

	castssl_row_text(&row, "verdict", castssl_verdict_name(explanation.verdict));
	if (explanation.rule >= 0)
	{
		const CastsslHbaRule *rule = &question.policy->rules[explanation.rule];

		castssl_row_text(&row, "file_name", question.policy->files[rule->file]->path);
		castssl_row_int(&row, "line_number", rule->line_number);
	}
	castssl_row_text(&row, "rule", explanation.text);
	castssl_row_text(&row, "reason", explanation.reason);
	castssl_rows_add(&rows, &row);
	return (Datum) 0;
}
