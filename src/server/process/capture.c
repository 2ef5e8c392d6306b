/*
 * capture.c
 *		The messages that the server would log, as values.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/elog.h"
#include "utils/guc.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/grow.h"
#include "server/process/capture.h"

static CastsslCapture *current_capture;
static emit_log_hook_type previous_hook; /* of the current capture; there is only one at a time */

/* Would the log show the message without us (PostgreSQL: is_log_level_output)? */
static bool
is_logged(int elevel, int log_min_level)
{
	if (elevel == LOG || elevel == LOG_SERVER_ONLY)
		/* LCOV_EXCL_START: no version logs at these levels meanwhile */
		return log_min_level == LOG || log_min_level <= ERROR;
	if (log_min_level == LOG)
		return elevel >= FATAL;
	/* LCOV_EXCL_STOP */
	return elevel >= log_min_level;
}

static char *
copy(const char *text)
{
	return text == NULL ? NULL : pstrdup(text);
}

static void
keep_message(CastsslCapture *capture, const ErrorData *edata)
{
	MemoryContext old = MemoryContextSwitchTo(capture->context);
	CastsslMessage *message;

	CASTSSL_GROW(capture->items, capture->count, capture->capacity);
	message = &capture->items[capture->count++];
	message->message = pstrdup(edata->message != NULL ? edata->message : "");
	message->message_id = pstrdup(edata->message_id != NULL ? edata->message_id : "");
	message->detail = copy(edata->detail);
	message->hint = copy(edata->hint);
	message->context = copy(edata->context);
	MemoryContextSwitchTo(old);
}

/*
 * This process is about to end: its messages from here on belong in the log, and the cleanup at
 * exit must not see our state.
 */
static void
give_up(ErrorData *edata)
{
	if (!is_logged(edata->elevel, current_capture->previous_level))
		edata->output_to_server = false;
	castssl_loan_end_all();
	if (edata->output_to_server && emit_log_hook != NULL)
		emit_log_hook(edata); /* LCOV_EXCL_LINE: with a logging extension beside us */
}

static void
capture_hook(ErrorData *edata)
{
	if (edata->elevel >= FATAL)
		give_up(edata);
	else if (edata->elevel == current_capture->level)
	{
		/* In a critical section palloc is not allowed.  No message of interest comes from there. */
		if (CritSectionCount == 0)
			keep_message(current_capture, edata);
		edata->output_to_server = false;
		edata->output_to_client = false;
	}
	else if (edata->elevel == WARNING && current_capture->level == LOG)
	{
		/* LCOV_EXCL_START: 19 warns of a failed reload, but it was a trial */
		edata->output_to_server = false;
		edata->output_to_client = false;
		/* LCOV_EXCL_STOP */
	}
	else if (!is_logged(edata->elevel, current_capture->previous_level))
		edata->output_to_server = false;
	else if (previous_hook != NULL)
		previous_hook(edata); /* LCOV_EXCL_LINE: only with another logging extension */
}

static void
put_back(void *arg)
{
	CastsslCapture *capture = arg;

	CASTSSL_LOG_MIN_MESSAGES = capture->previous_level;
	emit_log_hook = previous_hook;
	current_capture = NULL;
}

void
castssl_capture_begin(CastsslCapture *capture, int level)
{
	memset(capture, 0, sizeof(*capture));
	capture->context = CurrentMemoryContext;
	capture->level = level;
	capture->settings = NewGUCNestLevel();
	(void) set_config_option("lc_messages", "C", PGC_SUSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0,
							 false);
	capture->previous_level = CASTSSL_LOG_MIN_MESSAGES;
	previous_hook = emit_log_hook;
	castssl_loan_begin(&capture->loan, put_back, capture);

	current_capture = capture;
	emit_log_hook = capture_hook;
	/* The threshold LOG would hide WARNING and ERROR.  DEBUG1 lets all of them through. */
	CASTSSL_LOG_MIN_MESSAGES = Min(capture->previous_level, level == LOG ? DEBUG1 : level);
}

void
castssl_capture_end(CastsslCapture *capture)
{
	castssl_loan_end(&capture->loan);
	AtEOXact_GUC(true, capture->settings);
}
