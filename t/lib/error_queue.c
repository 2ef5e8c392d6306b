/*
 * error_queue.c
 *		For tests: what a call has left in OpenSSL's error queue, which the whole backend shares.
 */
#include "postgres.h"

#include <openssl/err.h>

#include "fmgr.h"
#include "utils/builtins.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(error_queue);

/* error_queue(): the errors in the queue, which is empty afterwards; '' for none. */
Datum
error_queue(PG_FUNCTION_ARGS)
{
	char all[4096] = "";
	char one[256];
	unsigned long error;

	while ((error = ERR_get_error()) != 0)
	{
		ERR_error_string_n(error, one, sizeof(one));
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", all[0] ? ", " : "", one);
	}
	PG_RETURN_TEXT_P(cstring_to_text(all));
}
