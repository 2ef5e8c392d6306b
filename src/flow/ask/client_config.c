/*
 * client_config.c
 *		The settings that a client needs to connect, ready to paste.
 */
#include "postgres.h"

#include <openssl/x509v3.h>

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"

#include "base/words.h"
#include "flow/ask/client_config.h"
#include "flow/ask/explain.h"
#include "flow/plan/material.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "server/world.h"

/* The properties of the connection, the same for every format. */
typedef struct Settings
{
	const char *host;
	int port;
	const char *user_name;
	const char *database;
	const char *sslmode;     /* one of libpq's values */
	bool client_certificate; /* the server demands one */
} Settings;

/* Is the certificate that the server uses valid for this host name? */
static bool
certificate_names(const char *host)
{
	CastsslCertificates certificates = { 0 };
	CastsslFindings findings = { 0 };
	const CastsslCertificate *own;
	size_t length;
	char *data = castssl_material_try_named(CASTSSL_ROLE_CERTIFICATE, &length);

	if (data == NULL ||
		!castssl_certificates_read(data, length, "certificate", &certificates, &findings) ||
		(own = castssl_certificates_first(&certificates)) == NULL)
		return false;
	/* As in libpq: no wildcard for a part of a label. */
	return X509_check_host(own->x509, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1 ||
		   X509_check_ip_asc(own->x509, host, 0) == 1;
}

/* Set an address that the rule is for. */
static void
set_address(const CastsslHbaRule *rule, CastsslConnection *connection)
{
	static const uint8 any[] = { 192, 0, 2, 1 };
	static const uint8 own[] = { 127, 0, 0, 1 };
	bool of_host = rule->address.kind == CASTSSL_HBA_ADDRESS_SAMEHOST ||
				   rule->address.kind == CASTSSL_HBA_ADDRESS_SAMENET;

	connection->family = 4;
	memcpy(connection->address, of_host ? own : any, 4);
	if (rule->address.kind != CASTSSL_HBA_ADDRESS_MASK)
		return;
	connection->family = rule->address.family;
	for (int i = 0; i < lengthof(connection->address); i++)
		connection->address[i] = rule->address.address[i] & rule->address.mask[i];
}

/* Is the rule for such a connection, encrypted or not? */
static bool
may_answer(CastsslQuestion *question, const CastsslHbaRule *rule)
{
	CastsslAnswer answers[2];

	for (int tls = 0; tls < 2; tls++)
	{
		question->connection.encryption = tls ? CASTSSL_TLS : CASTSSL_PLAINTEXT;
		answers[tls] = castssl_hba_rule_matches(rule, question->policy->version,
												&question->connection, question->world);
	}
	return answers[0] != CASTSSL_NO || answers[1] != CASTSSL_NO;
}

/* Does a line admit such a connection, whatever is to be said of the role and the database? */
static bool
admits(CastsslQuestion *question, CastsslEncryption encryption, bool shows_certificate)
{
	CastsslExplanation explanation;

	question->connection.encryption = encryption;
	question->shows_certificate = shows_certificate;
	castssl_explain(question, &explanation);
	return explanation.line_verdict != CASTSSL_REFUSED;
}

/*
 * What the rules in force demand of this user.  The client's address is unknown here.
 * So the settings name a certificate if any address needs one.  They disable TLS only
 * if no address comes in over TLS and one does in plaintext.
 */
static void
ask_rules(Settings *settings)
{
	CastsslHbaPolicy *policy = castssl_hba_files_read(NULL, 0);
	CastsslHbaWorld world = *castssl_hba_world();
	CastsslQuestion question = { .brief = true, .world = &world, .cn = settings->user_name };
	bool tls = false;
	bool plaintext = false;

	world.host_name = NULL; /* no name of a host is known, and DNS is not asked */
	question.connection.user = settings->user_name;
	question.connection.database = settings->database;
	for (int i = 0; i < policy->nrules; i++)
	{
		CastsslHbaRule rule = policy->rules[i];
		CastsslHbaPolicy alone = *policy;

		CHECK_FOR_INTERRUPTS();
		if (rule.error || rule.type == CASTSSL_HBA_LOCAL)
			continue;
		set_address(&rule, &question.connection);
		castssl_question_now(&question, policy);
		if (rule.address.kind == CASTSSL_HBA_ADDRESS_NAME)
		{
			/* by itself, for an address that has the name */
			rule.address.kind = CASTSSL_HBA_ADDRESS_ALL;
			alone.rules = &rule;
			alone.nrules = 1;
			question.policy = &alone;
		}
		if (!may_answer(&question, &rule))
			continue;
		plaintext |= admits(&question, CASTSSL_PLAINTEXT, false);
		if (admits(&question, CASTSSL_TLS, false))
			tls = true;
		else if (admits(&question, CASTSSL_TLS, true))
			tls = settings->client_certificate = true;
	}
	if (plaintext && !tls)
		settings->sslmode = "disable";
}

/* Append a value of a URI.  Characters that RFC 3986 does not reserve stay. */
static void
append_percent(StringInfo text, const char *value)
{
	for (; *value; value++)
	{
		unsigned char c = (unsigned char) *value;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-._~", c))
			appendStringInfoChar(text, c);
		else
			appendStringInfo(text, "%%%02X", c);
	}
}

/* Only then a root certificate has a use. */
static bool
is_verified(const Settings *settings)
{
	return strncmp(settings->sslmode, "verify-", 7) == 0;
}

/* An IPv6 address needs brackets where a port may follow. */
static char *
host_with_port(const Settings *settings)
{
	return psprintf(strchr(settings->host, ':') ? "[%s]:%d" : "%s:%d", settings->host,
					settings->port);
}

static void
append_uri(StringInfo text, const Settings *settings)
{
	appendStringInfoString(text, "postgresql://");
	append_percent(text, settings->user_name);
	appendStringInfo(text, "@%s/", host_with_port(settings));
	append_percent(text, settings->database);
	appendStringInfo(text, "?sslmode=%s", settings->sslmode);
	if (is_verified(settings))
		appendStringInfoString(text, "&sslrootcert=root.crt");
	if (settings->client_certificate)
		appendStringInfoString(text, "&sslcert=client.crt&sslkey=client.key");
}

static void
append_service(StringInfo text, const Settings *settings)
{
	appendStringInfo(text, "[%s]\nhost=%s\nport=%d\nuser=%s\ndbname=%s\nsslmode=%s\n",
					 settings->database, settings->host, settings->port, settings->user_name,
					 settings->database, settings->sslmode);
	if (is_verified(settings))
		appendStringInfoString(text, "sslrootcert=root.crt\n");
	if (settings->client_certificate)
		appendStringInfoString(text, "sslcert=client.crt\nsslkey=client.key\n");
}

static void
append_jdbc(StringInfo text, const Settings *settings)
{
	appendStringInfo(text, "jdbc:postgresql://%s/", host_with_port(settings));
	append_percent(text, settings->database);
	appendStringInfoString(text, "?user=");
	append_percent(text, settings->user_name);
	appendStringInfo(text, "&sslmode=%s", settings->sslmode);
	if (is_verified(settings))
		appendStringInfoString(text, "&sslrootcert=root.crt");
	if (settings->client_certificate)
		appendStringInfoString(text, "&sslcert=client.crt&sslkey=client.pk8");
}

/* A value of a .NET connection string: in quotes, with quotes doubled. */
static void
append_npgsql_value(StringInfo text, const char *name, const char *value)
{
	appendStringInfo(text, "%s=\"", name);
	for (; *value; value++)
	{
		if (*value == '"')
			appendStringInfoChar(text, '"');
		appendStringInfoChar(text, *value);
	}
	appendStringInfoString(text, "\";");
}

static void
append_npgsql(StringInfo text, const Settings *settings)
{
	const char *mode = strcmp(settings->sslmode, "verify-full") == 0 ? "VerifyFull"
					   : strcmp(settings->sslmode, "verify-ca") == 0 ? "VerifyCA"
					   : strcmp(settings->sslmode, "disable") == 0   ? "Disable"
																	 : "Prefer";

	append_npgsql_value(text, "Host", settings->host);
	appendStringInfo(text, "Port=%d;", settings->port);
	append_npgsql_value(text, "Username", settings->user_name);
	append_npgsql_value(text, "Database", settings->database);
	appendStringInfo(text, "SSL Mode=%s;", mode);
	if (is_verified(settings))
		appendStringInfoString(text, "Root Certificate=root.crt;");
	if (settings->client_certificate)
		appendStringInfoString(text, "SSL Certificate=client.crt;SSL Key=client.key;");
}

static void
append_cast(StringInfo text, const Settings *settings)
{
	bool tls = is_verified(settings);

	appendStringInfo(text, "[%s]\nssl=%s\nsslmode=%s\n", host_with_port(settings),
					 tls ? "true" : "false", settings->sslmode);
	if (tls)
		appendStringInfoString(text, "sslrootcert=root.crt\n");
	if (settings->client_certificate)
		appendStringInfoString(text, "sslcert=client.crt\nsslkey=client.pk8\n");
}

static void
check_value(const char *name, const char *value)
{
	if (!castssl_is_pasteable(pg_server_to_any(value, (int) strlen(value), PG_UTF8)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not contain a line break or another control character", name),
				 errdetail("Not every format has a way to write one, a terminal would act on it, "
						   "and marks of direction and characters that are not seen would show "
						   "another name.")));
}

/* One host.  Characters with a special meaning in a URI would lead to another host. */
static void
check_host(const char *host)
{
	const char *good = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_:";

	if (strspn(host, good) != strlen(host))
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("invalid value for host: \"%s\"", host),
						errdetail("It is a host name in ASCII, or an address."),
						errhint("For example: host => 'db.example.com'.")));
}

/* Names are part of the interface. */
static const struct
{
	const char *name;
	void (*append)(StringInfo text, const Settings *settings);
} formats[] = { { "uri", append_uri },
				{ "service", append_service },
				{ "jdbc", append_jdbc },
				{ "npgsql", append_npgsql },
				{ "cast", append_cast } };

char *
castssl_client_config_text(const char *format, const char *host, const char *user_name,
						   const char *database)
{
	const char *names[lengthof(formats) + 1] = { NULL };
	bool ssl = castssl_tls_is_on();
	Settings settings = {
		.host = host, .port = PostPortNumber, .user_name = user_name, .database = database
	};
	StringInfoData text;

	check_host(host);
	check_value("user_name", user_name);
	check_value("database", database);
	settings.sslmode = !ssl ? "prefer" : certificate_names(host) ? "verify-full" : "verify-ca";
	if (ssl)
		ask_rules(&settings);
	for (int i = 0; i < lengthof(formats); i++)
		names[i] = formats[i].name;
	initStringInfo(&text);
	formats[castssl_choice("format", format, names, "For example: format => 'uri'.")].append(
		&text, &settings);
	return text.data;
}
