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
#include "hba/text/address.h"
#include "server/hba_files.h"
#include "server/process/caller.h"
#include "server/process/raise.h"
#include "server/world.h"

/*
 * The server sees an IPv4-mapped IPv6 address (::ffff:192.0.2.1) as IPv4, because its IPv6
 * sockets accept nothing but IPv6.
 */
static void
see_as_server(CastsslConnection *connection)
{
	static const uint8 prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

	if (connection->family != 6 || memcmp(connection->address, prefix, sizeof(prefix)) != 0)
		return;
	connection->family = 4;
	memmove(connection->address, connection->address + sizeof(prefix), 4);
}

/* The address of one client; NULL: a Unix-domain socket. */
static void
set_address(CastsslQuestion *question, inet *address)
{
	CastsslConnection *connection = &question->connection;
	char text[CASTSSL_IP_SIZE];

	if (address == NULL)
		return;
	if (ip_bits(address) != ip_maxbits(address))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("address must be the address of one client"),
						errdetail("With a netmask of %d bits it is a range of addresses.",
								  ip_bits(address)),
						errhint("Give the address without a netmask.")));
	connection->family = ip_family(address) == PGSQL_AF_INET ? 4 : 6;
	memcpy(connection->address, ip_addr(address), ip_addrsize(address));
	see_as_server(connection);
	question->address = pstrdup(castssl_ip_text(connection->family, connection->address, text));
}

/*
 * An address as text, with or without brackets.  A zone (fe80::1%eth0) is removed, because the
 * server does not see it.
 */
static inet *
read_address(char *text)
{
	CastsslHbaAddress read;
	size_t length = strlen(text);
	char *given = text;
	char *written;

	if (length > 1 && text[0] == '[' && text[length - 1] == ']')
		text = pnstrdup(text + 1, length - 2);
	if (strchr(text, ':') && strchr(text, '%'))
		text = pnstrdup(text, strchr(text, '%') - text);
	if (!castssl_hba_address_parse(text, &read, &written) ||
		read.kind != CASTSSL_HBA_ADDRESS_MASK || strchr(text, '%'))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for address: \"%s\"", given),
						errdetail("It must be the IPv4 or IPv6 address of a client."),
						errhint("For example: address => '192.0.2.7'.")));
	return DatumGetInetPP(DirectFunctionCall1(inet_in, CStringGetDatum(text)));
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

static void
explain(FunctionCallInfo fcinfo, inet *address)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	CastsslQuestion question = { 0 };
	CastsslExplanation explanation;
	CastsslRow row = castssl_row_begin(rows.descriptor);

	castssl_worker_tell();
	question.connection.replication = castssl_argument_bool(fcinfo, 4);
	question.connection.database =
		question.connection.replication
			? ""
			: castssl_argument_required(fcinfo, 0, "database", "'postgres'");
	question.connection.user = castssl_argument_required(fcinfo, 1, "user_name", "'alice'");
	set_address(&question, address);
	set_encryption(&question.connection,
				   castssl_argument_required(fcinfo, 3, "encryption", "'tls'"));
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
	castssl_row_said(&row, "reason", explanation.reason);
	castssl_rows_add(&rows, &row);
}

/*
 * castssl_hba_explain(database, user_name, address, encryption, replication,
 *					   client_certificate, staged)
 */
CASTSSL_FUNCTION(castssl_hba_explain)
{
	explain(fcinfo, PG_ARGISNULL(2) ? NULL : PG_GETARG_INET_PP(2));
	return (Datum) 0;
}

/* The same with the address as text. */
CASTSSL_FUNCTION(castssl_hba_explain_text)
{
	char *address = castssl_argument_text(fcinfo, 2);

	explain(fcinfo, address ? read_address(address) : NULL);
	return (Datum) 0;
}
