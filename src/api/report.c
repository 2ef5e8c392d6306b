/*
 * report.c
 *		castssl_report: the state of TLS on this server as a page.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/builtins.h"

#include "api/entry.h"
#include "flow/report/page.h"

CASTSSL_FUNCTION(castssl_report)
{
	PG_RETURN_TEXT_P(cstring_to_text(castssl_report_page()));
}
