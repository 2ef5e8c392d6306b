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
		CastsslRow row = castssl_row_begin(rows.descriptor);

		castssl_row_text(&row, "part", part->part);
		castssl_row_name(&row, "subject", part->subject);
		castssl_row_text(&row, "fingerprint", part->fingerprint);
		castssl_rows_add(&rows, &row);
	}
	return (Datum) 0;
}
