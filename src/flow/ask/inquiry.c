/*
 * inquiry.c
 *		What castssl_explain has found out so far, shared by the files that it calls.
 */
#include "postgres.h"

#include "flow/ask/inquiry.h"

void
castssl_say(CastsslInquiry *inquiry, const char *format, ...)
{
	StringInfo reason = &inquiry->reason;

	if (reason->len > 0 && format[0] != '\n')
		appendStringInfoChar(reason, ' ');
	for (;;)
	{
		va_list arguments;
		int needed;

		va_start(arguments, format);
		needed = appendStringInfoVA(reason, format, arguments);
		va_end(arguments);
		if (needed == 0)
			return;
		enlargeStringInfo(reason, needed);
	}
}
