/*
 * loader.c
 *		The verdict of this server's own loaders on files that are not live yet.
 */
#include "postgres.h"

#include <openssl/err.h>
#include <unistd.h>
#include <sys/stat.h>

#include "access/htup_details.h"
#include "lib/stringinfo.h"
#include "libpq/libpq.h"
#include "postmaster/postmaster.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "hba/text/mask.h"
#include "server/hba_files.h"
#include "server/loader.h"
#include "server/process/capture.h"
#include "server/process/loan.h"
#include "server/process/query.h"

/* ---- pg_hba.conf ---- */

static const char *const hba_query =
	"SELECT " CASTSSL_HBA_FILE_NAME ", line_number, auth_method, error "
	"FROM pg_catalog.pg_hba_file_rules";

/* The globals that its parser takes. */
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

/*
 * Is this message about that line?  Its context begins "line 3 of configuration file
 * \"path\"", in some language.  So look for the path, and for the number beside it.
 */
static bool
is_about_line(const CastsslMessage *message, const char *path, int line_number)
{
	const char *context = message->context;
	const char *end;
	const char *found;

	if (context == NULL || (found = strstr(context, path)) == NULL)
		return false;
	end = context + strcspn(context, "\n");
	if (found >= end)
		return false; /* LCOV_EXCL_LINE: the first line of the context has the path */
	for (const char *at = context; at < end; at++)
	{
		if (at == found)
			at += strlen(path); /* LCOV_EXCL_LINE: languages that name the file first */
		if (*at >= '0' && *at <= '9')
			return strtol(at, NULL, 10) == line_number;
	}
	return false;
}

static const CastsslMessage *
message_of_line(const CastsslCapture *capture, const char *path, int line_number)
{
	for (int i = 0; i < capture->count; i++)
	{
		if (is_about_line(&capture->items[i], path, line_number))
			return &capture->items[i];
	}
	return NULL;
}

/* The line, with those that a backslash joins to it; NULL where the file has gone meanwhile. */
static char *
read_line(const char *path, int line_number)
{
	size_t length;
	int error;
	char *line = castssl_hba_file_bytes(path, &length, &error);
	StringInfoData joined;

	for (int i = 1; i < line_number && line != NULL; i++)
	{
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	if (line == NULL)
		return NULL; /* LCOV_EXCL_LINE: the parser has read it just before */
	initStringInfo(&joined);
	for (;;)
	{
		size_t end = strcspn(line, "\n");
		size_t shown = end;

		if (shown > 0 && line[shown - 1] == '\r')
			shown--;
		if (shown == 0 || line[shown - 1] != '\\' || line[end] == '\0')
		{
			appendBinaryStringInfo(&joined, line, (int) shown);
			return joined.data;
		}
		appendBinaryStringInfo(&joined, line, (int) shown - 1);
		line += end + 1;
	}
}

/*
 * What is wrong with a line, without what may be secret: in the words of the view,
 * which are English, else in those of a message.  *hidden: the message's detail
 * may quote the line, too.
 */
static const char *
shown_error(const char *path, int line_number, const char *error, const CastsslMessage *message,
			bool *hidden)
{
	const char *text = error != NULL ? error : message != NULL ? message->message_id : NULL;
	char *line = read_line(path, line_number);
	const char *shown;

	*hidden = line == NULL;
	if (text == NULL || line == NULL)
		return "the server refuses this line";
	shown = castssl_hba_mask_error(text, line, strlen(line));
	*hidden = shown != text;
	if (error == NULL && !*hidden)
		return pstrdup(message->message);
	return shown;
}

/* The capture is freed with SPI's memory and the finding is not, so copy the strings. */
static void
add_hba_error(const CastsslCapture *capture, const char *path, int line_number, const char *error,
			  CastsslFindings *findings)
{
	const CastsslMessage *message = message_of_line(capture, path, line_number);
	bool hidden;
	const char *text = shown_error(path, line_number, error, message, &hidden);
	const char *detail = message != NULL && !hidden ? message->detail : NULL;

	castssl_finding_add(
		findings, CASTSSL_ERROR, "hba_syntax", psprintf("%s:%d", path, line_number), text,
		detail != NULL ? pstrdup(detail) : psprintf("Line %d of \"%s\".", line_number, path),
		message != NULL && message->hint != NULL ? pstrdup(message->hint) : NULL);
}

/*
 * Judge the rows of pg_hba_file_rules.  Returns the number of rules, and adds an error
 * for each other row.
 */
static int
judge_rows(const char *path, bool part, const CastsslCapture *capture, CastsslFindings *findings)
{
	TupleDesc columns = SPI_tuptable->tupdesc;
	int accepted = 0;

	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple row = SPI_tuptable->vals[i];
		char *file;
		char *line;

		/* nearly all rows are good: nobody needs their values, so do not copy them */
		if (heap_attisnull(row, 4, columns) && !heap_attisnull(row, 3, columns))
		{
			accepted++;
			continue;
		}
		file = SPI_getvalue(row, columns, 1);
		line = SPI_getvalue(row, columns, 2);
		add_hba_error(capture, file != NULL ? file : path,
					  line != NULL ? (int) strtol(line, NULL, 10) : 0,
					  SPI_getvalue(row, columns, 4), findings);
	}
	if (SPI_processed == 0 && !part)
		castssl_finding_add(findings, CASTSSL_ERROR, "hba_syntax", pstrdup(path),
							psprintf("configuration file \"%s\" contains no entries", path),
							"The server does not load a file without a rule.", NULL);
	return accepted;
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

int
castssl_loader_check_hba(const char *path, bool part, CastsslFindings *findings)
{
	MemoryContext context = CurrentMemoryContext;
	MemoryContext spi_context;
	CastsslCapture capture;
	int accepted;

	char *problem = why_unreadable(path);

	if (problem != NULL)
	{
		castssl_finding_add(findings, CASTSSL_ERROR, "hba_syntax", pstrdup(path), problem, NULL,
							NULL);
		return 0;
	}
	SPI_connect();
	read_hba(path, &capture);
	spi_context = MemoryContextSwitchTo(context);
	accepted = judge_rows(path, part, &capture, findings);
	MemoryContextSwitchTo(spi_context);
	SPI_finish();
	return accepted;
}

/* ---- certificate, key, CA, CRL ---- */

/* The globals that its loader takes, as they are in force. */
typedef struct TlsGlobals
{
	char *files[5]; /* of tls_variable */
	char *ciphers;  /* where CASTSSL_TLS_LOADER_STOP is one of them */
	bool asks;      /* ssl_passphrase_command_supports_reload */
} TlsGlobals;

/* The n-th that a candidate stands in for; a constant they could not be where a library imports
 * them (Windows). */
static char **
tls_variable(int n)
{
	char **const variables[] = { &ssl_cert_file, &ssl_key_file, &ssl_ca_file, &ssl_crl_file,
								 &ssl_dh_params_file };

	return variables[n];
}

static void
put_tls_globals_back(void *arg)
{
	const TlsGlobals *live = arg;
	char **stop = CASTSSL_TLS_LOADER_STOP;

	for (int i = 0; i < lengthof(live->files); i++)
		*tls_variable(i) = live->files[i];
	ssl_passphrase_command_supports_reload = live->asks;
	if (stop)
		*stop = live->ciphers; /* LCOV_EXCL_LINE: from 19 on */
}

/* Run be_tls_init on the set; true when it loads. */
static bool
load_tls(const CastsslTlsFiles *files, CastsslCapture *capture)
{
	const char *wanted[] = { files->cert_file, files->key_file, files->ca_file, files->crl_file,
							 files->dh_params_file };
	char **stop = CASTSSL_TLS_LOADER_STOP;
	TlsGlobals live = { .ciphers = stop ? *stop : NULL,
						.asks = ssl_passphrase_command_supports_reload };
	CastsslLoan loan;
	volatile int rc = -1;

	for (int i = 0; i < lengthof(live.files); i++)
		live.files[i] = *tls_variable(i);

	castssl_capture_begin(capture, LOG);
	castssl_loan_begin(&loan, put_tls_globals_back, &live);
	PG_TRY();
	{
		for (int i = 0; i < lengthof(wanted); i++)
		{
			if (wanted[i] != NULL)
				*tls_variable(i) = unconstify(char *, wanted[i]);
		}
		if (!files->ask_passphrase)
			ssl_passphrase_command_supports_reload = false;
		if (stop)
			*stop =
				"no-such-cipher"; /* LCOV_EXCL_LINE: since 19, and coverage is measured with 15 */
		rc = be_tls_init(false);
	}
	PG_FINALLY(); /* LCOV_EXCL_LINE: the only error in there is out of memory */
	{
		castssl_loan_end(&loan);
		castssl_capture_end(capture);
		/*
		 * Errors that OpenSSL left in its queue must not show up in this session's own
		 * connection.
		 */
		ERR_clear_error();
	}
	PG_END_TRY();
	/* LCOV_EXCL_START: since 19 */
	if (stop && capture->count > 0 &&
		strstr(capture->items[capture->count - 1].message_id, "cipher list") != NULL)
	{
		capture->count--; /* the error came after the files were loaded */
		return true;
	}
	/* LCOV_EXCL_STOP */
	return rc == 0;
}

/* Messages quote the command line, which may hold a secret: mask it. */
static const char *
without_command(const CastsslMessage *message)
{
	const char *first = strchr(message->message, '"');
	const char *last = strrchr(message->message, '"');

	if (strstr(message->message_id, "command \"%s\"") == NULL || first == NULL)
		return message->message;
	return psprintf("%.*s\"ssl_passphrase_command%s", (int) (first - message->message),
					message->message, last);
}

static const char *
tls_hint(const CastsslMessage *message)
{
	if (message->hint != NULL)
		return message->hint; /* LCOV_EXCL_LINE: in 15 no message about a file has a hint */
	if (strstr(message->message_id, "cannot be reloaded because it requires a passphrase") == NULL)
		return NULL;
	return ssl_passphrase_command[0] == '\0'
			   ? "Use a key without a passphrase, or set ssl_passphrase_command, and "
				 "ssl_passphrase_command_supports_reload = on."
			   : "Set ssl_passphrase_command_supports_reload = on.";
}

/* The file that the message names; the certificate if it names none. */
static const char *
tls_subject(const CastsslTlsFiles *files, const CastsslMessage *message)
{
	const char *names[] = { files->key_file, files->ca_file, files->crl_file,
							files->dh_params_file };

	for (int i = 0; message != NULL && i < lengthof(names); i++)
	{
		if (names[i] != NULL && names[i][0] != '\0' &&
			strstr(message->message, psprintf("\"%s\"", names[i])) != NULL)
			return pstrdup(names[i]);
	}
	/* what it says of their content is without the name */
	if (message != NULL && files->dh_params_file != NULL &&
		strstr(message->message_id, "DH parameters") != NULL)
		return pstrdup(files->dh_params_file);
	return pstrdup(files->cert_file != NULL ? files->cert_file : ssl_cert_file);
}

void
castssl_loader_check_tls(const CastsslTlsFiles *files, CastsslFindings *findings)
{
	CastsslCapture capture;

	/* all that a reload logs of these files, a start ends with */
	if (load_tls(files, &capture) && (!files->at_start || capture.count == 0))
		return;
	for (int i = 0; i < capture.count; i++)
	{
		const CastsslMessage *message = &capture.items[i];

		castssl_finding_add(findings, CASTSSL_ERROR, "tls_loader", tls_subject(files, message),
							without_command(message), message->detail, tls_hint(message));
	}
	if (capture.count == 0)
		/* LCOV_EXCL_START: every version logs a message */
		castssl_finding_add(findings, CASTSSL_ERROR, "tls_loader", tls_subject(files, NULL),
							"the server's loader refuses these files", NULL, NULL);
	/* LCOV_EXCL_STOP */
}
