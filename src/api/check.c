/*
 * check.c
 *		castssl_check: everything that is wrong at this moment.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/entry.h"
#include "api/result.h"
#include "base/compat.h"
#include "flow/check/check.h"

/* castssl_check(target_version) */
CASTSSL_FUNCTION(castssl_check)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	CastsslFindings findings = { 0 };
	int target_version = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);

	if (!PG_ARGISNULL(0) && (target_version < 13 || target_version > CASTSSL_NEWEST_MAJOR))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("target_version must be between 13 and %d", CASTSSL_NEWEST_MAJOR),
						errdetail("These are the PostgreSQL majors whose pg_hba.conf is known."),
						errhint("For example: castssl_check(target_version => %d).",
								CASTSSL_NEWEST_MAJOR)));
	castssl_audit(target_version, &findings);
	for (int i = 0; i < findings.count; i++)
	{
		const CastsslFinding *finding = &findings.items[i];
		Datum values[5] = { 0 };
		bool nulls[5] = { false };

		castssl_set_text(values, nulls, 0, finding->check);
		castssl_set_text(values, nulls, 1, castssl_severity_name(finding->severity));
		castssl_set_text(values, nulls, 2, finding->subject);
		castssl_set_text(values, nulls, 3, finding->message);
		castssl_set_text(values, nulls, 4, finding->hint);
		castssl_rows_add(&rows, values, nulls);
	}
	return (Datum) 0;
}
