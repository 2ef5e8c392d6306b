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
#include "flow/plan/material.h"
#include "hba/match/match.h"
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

/* May the rule answer this user with that encryption, from any address? */
static bool
may_answer(const CastsslHbaPolicy *policy, CastsslHbaRule rule, const Settings *settings,
		   CastsslEncryption encryption)
{
	CastsslConnection connection = { .user = settings->user_name,
									 .database = settings->database,
									 .encryption = encryption };

	if (rule.error || rule.type == CASTSSL_HBA_LOCAL || strcmp(rule.method, "reject") == 0)
		return false;
	connection.family = rule.address.family == 6 ? 6 : 4;
	rule.address.kind = CASTSSL_HBA_ADDRESS_ALL;
	return castssl_hba_rule_matches(&rule, policy->version, &connection, castssl_hba_world()) !=
		   CASTSSL_NO;
}

/*
 * What the rules in force demand of this user.  The client's address is unknown here.
 * So the settings name a certificate if any rule may demand one.  They disable TLS only
 * if no rule admits the user over TLS and a rule admits plaintext.
 */
static void
ask_rules(Settings *settings)
{
	CastsslHbaPolicy *policy = castssl_hba_files_read(NULL, 0);
	bool tls = false;
	bool plaintext = false;

	for (int i = 0; i < policy->nrules; i++)
	{
		const CastsslHbaRule *rule = &policy->rules[i];

		plaintext |= may_answer(policy, *rule, settings, CASTSSL_PLAINTEXT);
		if (!may_answer(policy, *rule, settings, CASTSSL_TLS))
			continue;
		tls = true;
		settings->client_certificate |= rule->clientcert != CASTSSL_CLIENTCERT_NONE;
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
