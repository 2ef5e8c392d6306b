/*
 * report.c
 *		castssl_report: the state of TLS on this server as a page.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "flow/report/page.h"

PG_FUNCTION_INFO_V1(castssl_report);

Datum
castssl_report(PG_FUNCTION_ARGS)
{
	PG_RETURN_TEXT_P(cstring_to_text(castssl_report_page()));
}
