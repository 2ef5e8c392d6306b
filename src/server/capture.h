/*
 * capture.h
 *		Messages that the server would log, as values instead.
 */
#ifndef CASTSSL_SERVER_CAPTURE_H
#define CASTSSL_SERVER_CAPTURE_H

/* One message; any but message and message_id may be NULL. */
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
	CastsslMessage
		*items; /* palloc'd, as are the strings, where castssl_capture_begin was called */
	int count;
	int capacity;

	/* Private: what to put back. */
	int level;
	int previous_level;
	MemoryContext context;
} CastsslCapture;

/*
 * From here on, messages of exactly this level (DEBUG3, LOG, ...) go into the
 * capture, and neither to the server log nor to the client.  Messages that
 * log_min_messages would not have let through stay away from the log; all
 * others go where they would have gone, but a WARNING beside LOG goes nowhere: it
 * would tell of a reload, and what is captured is a trial.  One capture at a time.  Must be
 * followed by castssl_capture_end, also on ERROR (PG_FINALLY).
 */
extern void castssl_capture_begin(CastsslCapture *capture, int level);
extern void castssl_capture_end(CastsslCapture *capture);

#endif
