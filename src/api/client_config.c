/*
 * client_config.c
 *		What a client needs to connect.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/arguments.h"
#include "api/entry.h"
#include "api/result.h"
#include "change/worker.h"
#include "flow/ask/client_config.h"

/* castssl_client_config(format, host, user_name, database, port, sslmode, folder) */
CASTSSL_FUNCTION(castssl_client_config)
{
	CastsslClientCall call = { 0 };

	call.format = castssl_argument_required(fcinfo, 0, "format", "'uri'");
	call.host = castssl_argument_required(fcinfo, 1, "host", "'db.example.com'");
	call.user_name = castssl_argument_required(fcinfo, 2, "user_name", "'alice'");
	call.database = castssl_argument_required(fcinfo, 3, "database", "'postgres'");
	if (!PG_ARGISNULL(4))
	{
		call.port = PG_GETARG_INT32(4);
		if (call.port < 1 || call.port > 65535)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for port: %d", call.port),
					 errdetail("A port is a number from 1 to 65535."),
					 errhint("For example: port => 5432.  NULL means the server's own port.")));
	}
	call.sslmode = castssl_argument_text(fcinfo, 5);
	call.folder = castssl_argument_text(fcinfo, 6);
	castssl_worker_tell();
	return castssl_text_datum(castssl_client_config_text(&call));
}
