/*
 * hba_verdict.c
 *		The verdict of the server's own parser on a pg_hba.conf that is not live yet.
 */
#include "postgres.h"

#include <unistd.h>
#include <sys/stat.h>

#include "access/htup_details.h"
#include "libpq/libpq.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "hba/text/mask.h"
#include "server/hba_files.h"
#include "server/hba_verdict.h"
#include "server/process/capture.h"
#include "server/process/loan.h"
#include "server/process/query.h"

#define MOST_EXPLAINED 1000 /* the errors whose messages are looked for, which takes time */

static const char *const hba_query =
	"SELECT " CASTSSL_HBA_FILE_NAME ", line_number, auth_method, error "
	"FROM pg_catalog.pg_hba_file_rules";

/* The globals that the server's parser of pg_hba.conf reads. */
typedef struct HbaGlobals
{
	char *file;
	bool ssl;
} HbaGlobals;

static void
put_hba_globals_back(void *arg)
{
	const HbaGlobals *live = arg;

	HbaFileName = live->file;
	EnableSSL = live->ssl;
}

/* Let the server's parser read path.  The rows are in SPI_tuptable, the messages in capture. */
static void
read_hba(const char *path, CastsslCapture *capture)
{
	HbaGlobals live = { .file = HbaFileName, .ssl = EnableSSL };
	CastsslLoan loan;

	castssl_capture_begin(capture, DEBUG3);
	castssl_loan_begin(&loan, put_hba_globals_back, &live);
	PG_TRY();
	{
		HbaFileName = unconstify(char *, path);
		EnableSSL = true;
		castssl_query(hba_query);
	}
	PG_FINALLY();
	{
		castssl_loan_end(&loan);
		castssl_capture_end(capture);
	}
	PG_END_TRY();
}

/* What the messages about lines are looked up in. */
typedef struct Verdict
{
	const CastsslCapture *capture;
	const CastsslHbaText *texts;
	int ntexts;
	CastsslHbaText read; /* the last file that was read from the disk */
	StringInfoData joined;
} Verdict;

/* The message whose context begins with that line; NULL: there is none. */
static const CastsslMessage *
message_of_line(const CastsslCapture *capture, const char *path, int line_number)
{
	char *place = psprintf("line %d of configuration file \"%s\"", line_number, path);
	size_t length = strlen(place);
	const CastsslMessage *found = NULL;

	for (int i = 0; i < capture->count && found == NULL; i++)
	{
		const char *context = capture->items[i].context;

		if (context != NULL && strncmp(context, place, length) == 0)
			found = &capture->items[i];
	}
	pfree(place);
	return found;
}

/* The file that the parser opened by that path; NULL if it cannot be read. */
static const CastsslHbaDocument *
document_at(Verdict *verdict, const char *path)
{
	size_t length;
	int error;
	char *data;

	for (int i = 0; i < verdict->ntexts; i++)
	{
		if (strcmp(verdict->texts[i].path, path) == 0)
			return verdict->texts[i].document;
	}
	if (verdict->read.path == NULL || strcmp(verdict->read.path, path) != 0)
	{
		data = castssl_hba_file_bytes(path, &length, &error);
		verdict->read = (CastsslHbaText){
			pstrdup(path),
			data ? castssl_hba_document_read(path, data, length, CASTSSL_SERVER_MAJOR) : NULL
		};
	}
	return verdict->read.document;
}

/* The line as the server reads it; NULL if the file does not have it. */
static const char *
line_at(Verdict *verdict, const char *path, int line_number, size_t *length)
{
	const CastsslHbaDocument *document = document_at(verdict, path);
	int low = 0;
	int high = document ? document->nrecords : 0;

	while (low < high)
	{
		int middle = low + (high - low) / 2;

		if (document->records[middle].line_number < line_number)
			low = middle + 1;
		else
			high = middle;
	}
	if (document == NULL || low == document->nrecords ||
		document->records[low].line_number != line_number)
		return NULL;
	return castssl_hba_record_text(document, low, &verdict->joined, length);
}

/*
 * What is wrong with a line, with secrets masked: the error of the view, or else that of the
 * message.  Sets *hidden if the message's detail may quote a secret of the line, too.
 */
static const char *
shown_error(Verdict *verdict, const char *path, int line_number, const char *error,
			const CastsslMessage *message, bool *hidden)
{
	const char *text = error != NULL ? error : message != NULL ? message->message : NULL;
	size_t length;
	const char *line = line_at(verdict, path, line_number, &length);
	const char *shown;

	*hidden = line == NULL;
	if (text == NULL || line == NULL)
		return "the server refuses this line";
	shown = castssl_hba_mask_error(text, line, length);
	*hidden = shown != text;
	return *hidden ? shown : pstrdup(text);
}

/* The capture is freed with SPI's memory and the finding is not, so copy the strings. */
static void
add_error(Verdict *verdict, const char *path, int line_number, const char *error,
		  CastsslFindings *findings)
{
	const CastsslMessage *message = findings->count < MOST_EXPLAINED
										? message_of_line(verdict->capture, path, line_number)
										: NULL;
	bool hidden;
	const char *text = shown_error(verdict, path, line_number, error, message, &hidden);
	const char *detail = message != NULL && !hidden ? message->detail : NULL;

	castssl_finding_add(
		findings, CASTSSL_ERROR, "hba_syntax", psprintf("%s:%d", path, line_number), text,
		detail != NULL ? pstrdup(detail) : psprintf("Line %d of \"%s\".", line_number, path),
		message != NULL && message->hint != NULL ? pstrdup(message->hint) : NULL);
}

/* Add an error for each row of pg_hba_file_rules that is no rule. */
static void
judge_rows(Verdict *verdict, const char *path, bool part, CastsslFindings *findings)
{
	TupleDesc columns = SPI_tuptable->tupdesc;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		char *file;
		char *line;

		CHECK_FOR_INTERRUPTS();
		/* nearly all rows are good: nobody needs their values, so do not copy them */
		if (heap_attisnull(row, 4, columns) && !heap_attisnull(row, 3, columns))
			continue;
		file = SPI_getvalue(row, columns, 1);
		line = SPI_getvalue(row, columns, 2);
		add_error(verdict, file != NULL ? file : path,
				  line != NULL ? (int) strtol(line, NULL, 10) : 0, SPI_getvalue(row, columns, 4),
				  findings);
	}
	if (SPI_processed == 0 && !part)
		castssl_finding_add(findings, CASTSSL_ERROR, "hba_syntax", pstrdup(path),
							psprintf("configuration file \"%s\" contains no entries", path),
							"The server does not load a file without a rule.", NULL);
}

/* The parser would wait forever on a pipe, and never finish reading a device. */
static char *
why_unreadable(const char *path)
{
	struct stat st;

	if (stat(path, &st) != 0 || access(path, R_OK) != 0)
		return psprintf("could not open file \"%s\": %s", path, strerror(errno));
	return S_ISREG(st.st_mode) ? NULL : psprintf("\"%s\" is not a regular file", path);
}

void
castssl_hba_verdict(const char *path, bool part, const CastsslHbaText *texts, int ntexts,
					CastsslFindings *findings)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext spi_context;
	CastsslCapture capture;
	Verdict verdict = { .capture = &capture, .texts = texts, .ntexts = ntexts };
	char *problem = why_unreadable(path);

	if (problem != NULL)
	{
		castssl_finding_add(findings, CASTSSL_ERROR, "hba_syntax", pstrdup(path), problem, NULL,
							NULL);
		return;
	}
	SPI_connect();
	read_hba(path, &capture);
	spi_context = MemoryContextSwitchTo(context);
	initStringInfo(&verdict.joined);
	judge_rows(&verdict, path, part, findings);
	MemoryContextSwitchTo(spi_context);
	SPI_finish();
}
