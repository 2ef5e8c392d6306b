/*
 * text.c
 *		Text of files, certificates and other databases, made valid in this database.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "server/process/text.h"

const char *
castssl_valid_text(const char *text)
{
	StringInfoData valid;

	if (pg_verifymbstr(text, (int) strlen(text), true))
		return text;
	initStringInfo(&valid);
	while (*text)
	{
		int length = (int) strnlen(text, pg_encoding_mblen(GetDatabaseEncoding(), text));

		if (pg_verifymbstr(text, length, true))
			appendBinaryStringInfo(&valid, text, length);
		else
		{
			length = 1;
			appendStringInfo(&valid, "\\%02X", (unsigned char) *text);
		}
		text += length;
	}
	return valid.data;
}

static bool
is_invalid(const char *text)
{
	return text != NULL && !pg_verifymbstr(text, (int) strlen(text), true);
}

void
castssl_report_valid_text(void *arg)
{
	/* the current context is the error's, and stays so for what is set here */
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "pg_castssl message", ALLOCSET_SMALL_SIZES);
	MemoryContext error_context = MemoryContextSwitchTo(context);
	ErrorData *report = CopyErrorData();

	if (is_invalid(report->message))
		errmsg_internal("%s", castssl_valid_text(report->message));
	if (is_invalid(report->detail))
		errdetail_internal("%s", castssl_valid_text(report->detail));
	if (is_invalid(report->hint))
		errhint("%s", castssl_valid_text(report->hint));
	MemoryContextSwitchTo(error_context);
	MemoryContextDelete(context);
}
