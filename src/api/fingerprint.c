/*
 * fingerprint.c
 *		castssl_fingerprint: do this server and another one treat clients alike?
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/entry.h"
#include "api/result.h"
#include "change/worker.h"
#include "flow/ask/fingerprint.h"

CASTSSL_FUNCTION(castssl_fingerprint)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	ListCell *cell;

	castssl_worker_tell();
	foreach (cell, castssl_fingerprint_parts())
	{
		const CastsslPolicyPart *part = lfirst(cell);
		Datum values[3] = { 0 };
		bool nulls[3] = { false };

		castssl_set_text(values, nulls, 0, part->part);
		castssl_set_name(values, nulls, 1, part->subject);
		castssl_set_text(values, nulls, 2, part->fingerprint);
		castssl_rows_add(&rows, values, nulls);
	}
	return (Datum) 0;
}
