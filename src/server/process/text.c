/*
 * text.c
 *		Text of files, certificates and other databases, made valid in this database.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/memutils.h"

#include "server/process/schema.h"
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

/* The text to report; NULL: no change. */
static const char *
changed(const char *text)
{
	const char *better = text ? castssl_schema_named(castssl_valid_text(text)) : NULL;

	return better == text ? NULL : better;
}

void
castssl_report_text(void *arg)
{
	/* errmsg_internal() and the others copy their text to the error's own context */
	MemoryContext context =
		AllocSetContextCreate(TopMemoryContext, "pg_castssl message", ALLOCSET_SMALL_SIZES);
	MemoryContext error_context = MemoryContextSwitchTo(context);
	ErrorData *report = CopyErrorData();
	const char *text;

	if ((text = changed(report->message)) != NULL)
		errmsg_internal("%s", text);
	if ((text = changed(report->detail)) != NULL)
		errdetail_internal("%s", text);
	if ((text = changed(report->hint)) != NULL)
		errhint("%s", text);
	MemoryContextSwitchTo(error_context);
	MemoryContextDelete(context);
}
