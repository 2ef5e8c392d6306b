/*
 * loader.c
 *		The verdict of this server's own loader of TLS on files that are not live yet.
 */
#include "postgres.h"

#include <openssl/err.h>

#include "libpq/libpq.h"
#include "utils/builtins.h"
#include "utils/guc.h"

#include "base/compat.h"
#include "base/words.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/loader.h"
#include "server/parameters.h"
#include "server/process/capture.h"
#include "server/process/loan.h"
#include "tls/ciphers.h"
#include "tls/key.h"
#include "tls/openssl.h"

#define TLS_TEXTS 8 /* parameters that tls_variable knows */

/* The globals that the server's TLS loader reads. */
typedef struct TlsGlobals
{
	char *texts[TLS_TEXTS]; /* of tls_variable */
	int min_version;
	int max_version;
	bool asks; /* ssl_passphrase_command_supports_reload */
} TlsGlobals;

/*
 * The n-th variable that a candidate replaces; NULL: this major has none.  The table is built at
 * run time, because on Windows the address of an imported variable is not a constant.
 */
static char **
tls_variable(int n)
{
	char **const variables[TLS_TEXTS] = {
		&ssl_cert_file,          &ssl_key_file,           &ssl_ca_file,
		&ssl_crl_file,           &ssl_dh_params_file,     &SSLECDHCurve,
		CASTSSL_SUITES_VARIABLE, CASTSSL_CIPHERS_VARIABLE
	};

	return variables[n];
}

static void
put_tls_globals_back(void *arg)
{
	const TlsGlobals *live = arg;

	for (int i = 0; i < TLS_TEXTS; i++)
	{
		if (tls_variable(i) != NULL)
			*tls_variable(i) = live->texts[i];
	}
	ssl_min_protocol_version = live->min_version;
	ssl_max_protocol_version = live->max_version;
	ssl_passphrase_command_supports_reload = live->asks;
}

/* The number of a protocol version, as the parameters hold it; now if the text names none. */
static int
protocol_version(const char *text, int now)
{
	static const struct
	{
		const char *name;
		int version;
	} versions[] = { { "", PG_TLS_ANY },
					 { "TLSv1", PG_TLS1_VERSION },
					 { "TLSv1.1", PG_TLS1_1_VERSION },
					 { "TLSv1.2", PG_TLS1_2_VERSION },
					 { "TLSv1.3", PG_TLS1_3_VERSION } };

	for (int i = 0; text != NULL && i < lengthof(versions); i++)
	{
		if (pg_strcasecmp(text, versions[i].name) == 0)
			return versions[i].version;
	}
	return now;
}

/* Run be_tls_init on the set; true when it loads. */
static bool
load_tls(const CastsslTlsFiles *files, CastsslCapture *capture)
{
	/* in the order of tls_variable */
	const char *wanted[TLS_TEXTS] = { files->cert_file, files->key_file,       files->ca_file,
									  files->crl_file,  files->dh_params_file, files->groups,
									  files->suites,    files->ciphers };
	char **stop = CASTSSL_TLS_LOADER_STOP;
	TlsGlobals live = { .min_version = ssl_min_protocol_version,
						.max_version = ssl_max_protocol_version,
						.asks = ssl_passphrase_command_supports_reload };
	CastsslLoan loan;
	volatile int rc = -1;

	for (int i = 0; i < TLS_TEXTS; i++)
		live.texts[i] = tls_variable(i) != NULL ? *tls_variable(i) : NULL;

	castssl_capture_begin(capture, LOG);
	castssl_loan_begin(&loan, put_tls_globals_back, &live);
	PG_TRY();
	{
		for (int i = 0; i < TLS_TEXTS; i++)
		{
			if (wanted[i] != NULL && tls_variable(i) != NULL)
				*tls_variable(i) = unconstify(char *, wanted[i]);
		}
		ssl_min_protocol_version = protocol_version(files->min_version, live.min_version);
		ssl_max_protocol_version = protocol_version(files->max_version, live.max_version);
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

	if (strstr(message->message_id, "command \"%s\"") == NULL)
		return message->message;
	if (first == NULL)
		return message->message_id; /* LCOV_EXCL_LINE: the message quotes the command */
	return psprintf("%.*s\"ssl_passphrase_command%s", (int) (first - message->message),
					message->message, last);
}

CastsslPem
castssl_loader_key(const char *path)
{
	CastsslPem key = { .name = path };

	key.data = castssl_file_read_if_exists(castssl_path_resolve(path, false), CASTSSL_PEM_LIMIT,
										   &key.length, NULL);
	if (key.data != NULL)
		castssl_openssl_wipe_later(unconstify(char *, key.data), key.length);
	return key;
}

/*
 * Did the loader fail to open the key because the passphrase is wrong?  OpenSSL's error does not
 * show it: a wrong passphrase decrypts the key to random bytes, and in one of 256 cases their
 * padding looks valid.  OpenSSL then reports an unsupported key or invalid ASN.1. If the command
 * itself fails, another message comes first.
 */
static bool
is_wrong_passphrase(const CastsslTlsFiles *files, const CastsslCapture *capture, int i)
{
	CastsslFindings unsupported = { 0 };
	CastsslPem key;

	if (i > 0 || strstr(capture->items[i].message_id, "could not load private key file") == NULL)
		return false;
	key = files->key ? *files->key
					 : castssl_loader_key(files->key_file ? files->key_file : ssl_key_file);
	return key.data != NULL && castssl_key_encryption(&key, &unsupported) != NULL &&
		   unsupported.count == 0;
}

static const char *
tls_hint(const CastsslTlsFiles *files, const CastsslCapture *capture, int i)
{
	const CastsslMessage *message = &capture->items[i];

	if (message->hint != NULL)
		return message->hint; /* LCOV_EXCL_LINE: in 15 no message about a file has a hint */
	if (strstr(message->message_id, "cipher list") != NULL)
		return psprintf(
			"ALTER SYSTEM SET ssl_ciphers = %s; SELECT pg_reload_conf();",
			castssl_sql_literal(castssl_ciphers_strong(castssl_parameter_value("ssl_ciphers"))));
	if (is_wrong_passphrase(files, capture, i))
		return "The passphrase that ssl_passphrase_command gives does not open the key.  To set "
			   "another command: ALTER SYSTEM SET ssl_passphrase_command = '...'; SELECT "
			   "pg_reload_conf();";
	if (strstr(message->message_id, "cannot be reloaded because it requires a passphrase") == NULL)
		return NULL;
	return ssl_passphrase_command[0] == '\0'
			   ? "Use a key without a passphrase, or set ssl_passphrase_command, and "
				 "ssl_passphrase_command_supports_reload = on."
			   : "ALTER SYSTEM SET ssl_passphrase_command_supports_reload = on; SELECT "
				 "pg_reload_conf();";
}

/* The parameters that a message about no file is about; NULL: it is about a file. */
static const char *
tls_parameter(const CastsslMessage *message)
{
	static const struct
	{
		const char *words; /* of the message before it is translated */
		const char *parameter;
	} parameters[] = { { "minimum SSL protocol", "ssl_min_protocol_version" },
					   { "maximum SSL protocol", "ssl_max_protocol_version" },
					   { "SSL protocol version range",
						 "ssl_min_protocol_version, ssl_max_protocol_version" },
					   { "TLSv1.3 cipher suites", "ssl_tls13_ciphers" },
					   { "cipher list", "ssl_ciphers" },
					   { "ECDH", CASTSSL_GROUPS_PARAMETER },
					   { "ssl_groups", CASTSSL_GROUPS_PARAMETER } };

	/* "\"%s\" setting \"%s\" not supported by this build" names the parameter itself */
	if (strstr(message->message_id, "not supported by this build") != NULL)
		return strstr(message->message, "ssl_max") ? "ssl_max_protocol_version"
												   : "ssl_min_protocol_version";
	for (int i = 0; i < lengthof(parameters); i++)
	{
		if (strstr(message->message_id, parameters[i].words) != NULL)
			return parameters[i].parameter;
	}
	return NULL;
}

/* The file that the message names, or the parameter; the certificate if it names none. */
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
	if (message != NULL && tls_parameter(message) != NULL)
		return pstrdup(tls_parameter(message));
	/* a message about the content of this file does not name it */
	if (message != NULL && files->dh_params_file != NULL &&
		strstr(message->message_id, "DH parameters") != NULL)
		return pstrdup(files->dh_params_file);
	return pstrdup(files->cert_file != NULL ? files->cert_file : ssl_cert_file);
}

void
castssl_loader_check_tls(const CastsslTlsFiles *files, CastsslFindings *findings)
{
	CastsslCapture capture;

	/* a start fails on everything that a reload only logs about these files */
	if (load_tls(files, &capture) && (!files->at_start || capture.count == 0))
		return;
	for (int i = 0; i < capture.count; i++)
	{
		const CastsslMessage *message = &capture.items[i];

		castssl_finding_add(findings, CASTSSL_ERROR, "tls_loader", tls_subject(files, message),
							without_command(message), message->detail,
							tls_hint(files, &capture, i));
	}
	if (capture.count == 0)
		/* LCOV_EXCL_START: every version logs a message */
		castssl_finding_add(findings, CASTSSL_ERROR, "tls_loader", tls_subject(files, NULL),
							"the server's loader refuses these files", NULL, NULL);
	/* LCOV_EXCL_STOP */
}
