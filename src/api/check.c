/*
 * check.c
 *		castssl_check and castssl_report.
 */
#include "postgres.h"

#include "fmgr.h"

#include "api/entry.h"
#include "api/result.h"
#include "base/majors.h"
#include "flow/check/check.h"
#include "flow/report/page.h"
#include "server/process/schema.h"

/* castssl_check(target_version, include_ok) */
CASTSSL_FUNCTION(castssl_check)
{
	CastsslRows rows = castssl_rows_begin(fcinfo);
	CastsslFindings findings = { 0 };
	int target_version = PG_ARGISNULL(0) ? 0 : PG_GETARG_INT32(0);

	if (!PG_ARGISNULL(0) &&
		(target_version < CASTSSL_OLDEST_MAJOR || target_version > CASTSSL_NEWEST_MAJOR))
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("target_version must be between %d and %d", CASTSSL_OLDEST_MAJOR,
					CASTSSL_NEWEST_MAJOR),
			 errdetail("pg_castssl knows the pg_hba.conf of these major versions of PostgreSQL."),
			 errhint("For example: castssl_check(target_version => %d).", CASTSSL_NEWEST_MAJOR)));
	castssl_check_all(target_version, !PG_ARGISNULL(1) && PG_GETARG_BOOL(1), &findings);
	for (int i = 0; i < findings.count; i++)
	{
		const CastsslFinding *finding = &findings.items[i];
		CastsslRow row = castssl_row_begin(rows.descriptor);

		castssl_row_text(&row, "check_name", finding->check);
		castssl_row_text(&row, "severity", castssl_severity_name(finding->severity));
		castssl_row_text(&row, "subject", finding->subject);
		castssl_row_said(&row, "message", finding->message);
		castssl_row_said(&row, "hint", finding->hint);
		castssl_row_said(&row, "fix", finding->fix);
		castssl_rows_add(&rows, &row);
	}
	return (Datum) 0;
}

/* castssl_report() */
CASTSSL_FUNCTION(castssl_report)
{
	PG_RETURN_DATUM(castssl_text_datum(castssl_schema_named(castssl_report_page())));
}
