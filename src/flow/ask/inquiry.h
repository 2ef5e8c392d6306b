/*
 * inquiry.h
 *		What castssl_explain has found out so far, shared by the files that it calls.
 */
#ifndef CASTSSL_FLOW_ASK_INQUIRY_H
#define CASTSSL_FLOW_ASK_INQUIRY_H

#include "lib/stringinfo.h"

#include "flow/ask/question.h"

typedef struct CastsslInquiry
{
	const CastsslQuestion *question;
	const CastsslHbaRule *rule; /* NULL: no line answers */
	StringInfoData reason;
	bool shows; /* the client shows a certificate that is accepted */
	const char *cn;
	const char *dn;
	const char *unknown;
	bool late; /* see CastsslExplanation */
} CastsslInquiry;

/* Append a sentence to the reason; one that begins with a line break is a text line of its own. */
extern void castssl_say(CastsslInquiry *inquiry, const char *format, ...) pg_attribute_printf(2, 3);

#endif
