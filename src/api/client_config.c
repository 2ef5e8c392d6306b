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

/* castssl_client_config(format, host, user_name, database) */
CASTSSL_FUNCTION(castssl_client_config)
{
	char *format = castssl_argument_required(fcinfo, 0, "format");
	char *host = castssl_argument_required(fcinfo, 1, "host");
	char *user_name = castssl_argument_required(fcinfo, 2, "user_name");
	char *database = castssl_argument_required(fcinfo, 3, "database");

	castssl_worker_tell();
	return castssl_text_datum(castssl_client_config_text(format, host, user_name, database));
}
