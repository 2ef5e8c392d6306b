/*
 * capture.h
 *		The messages that the server would log, as values.
 */
#ifndef CASTSSL_SERVER_PROCESS_CAPTURE_H
#define CASTSSL_SERVER_PROCESS_CAPTURE_H

#include "server/process/loan.h"

/* One message.  Any member except message and message_id may be NULL. */
typedef struct CastsslMessage
{
	const char *message;
	const char *message_id; /* the untranslated format string */
	const char *detail;
	const char *hint;
	const char *context;
} CastsslMessage;

typedef struct CastsslCapture
{
	CastsslMessage *items; /* palloc'd like the strings, in the context of castssl_capture_begin */
	int count;
	int capacity;

	/* Private: the values to restore. */
	int level;
	int previous_level;
	int settings; /* the nest level of lc_messages */
	CastsslLoan loan;
	MemoryContext context;
} CastsslCapture;

/*
 * From here on, messages of exactly this level (DEBUG3, LOG, ...) go into the capture,
 * and neither to the server log nor to the client.  Messages that log_min_messages hides
 * stay hidden from the log, and all others go their usual way.  One exception: with
 * level LOG, a WARNING is dropped, because it would report a reload, and the captured
 * call is only a trial.  All are in English, whatever lc_messages says: callers look for
 * the server's words in them, and for what may be secret.
 *
 * One capture at a time. castssl_capture_end must follow, also on ERROR (PG_FINALLY).
 * A FATAL ends the capture: its message and all later ones go their usual way.
 */
extern void castssl_capture_begin(CastsslCapture *capture, int level);
extern void castssl_capture_end(CastsslCapture *capture);

#endif
