/*
 * raise.c
 *		Findings as errors: turns values into ereport.
 */
#include "postgres.h"

#include "server/raise.h"

void
castssl_raise_finding(const CastsslFinding *finding, int sqlstate)
{
	ereport(ERROR, (errcode(sqlstate), errmsg("%s", finding->message),
					finding->detail    ? errdetail("%s", finding->detail)
					: finding->subject ? errdetail("It concerns \"%s\".", finding->subject)
									   : 0,
					finding->hint ? errhint("%s", finding->hint) : 0));
	pg_unreachable();
}

void
castssl_raise_first_error(const CastsslFindings *findings, int sqlstate)
{
	const CastsslFinding *finding = castssl_finding_first(findings, CASTSSL_ERROR);

	if (finding)
		castssl_raise_finding(finding, sqlstate);
}

void
castssl_raise_failure(const CastsslFindings *findings, int sqlstate)
{
	castssl_raise_first_error(findings, sqlstate);
	elog(ERROR, "an operation failed without a finding");
}
