/*
 * client_formats.c
 *		The formats in which clients read their settings.
 */
#include "postgres.h"

#include "lib/stringinfo.h"

#include "flow/ask/client_formats.h"
#include "server/process/raise.h"

typedef CastsslClientSettings Settings;

/* Does the client verify the server?  Only then it needs a root certificate. */
static bool
is_verified(const Settings *settings)
{
	return strncmp(settings->sslmode, "verify-", 7) == 0;
}

/*
 * Append a value of a URI.  Unreserved characters (RFC 3986), and those in also, are not encoded.
 */
static void
append_percent(StringInfo text, const char *value, const char *also)
{
	for (; *value; value++)
	{
		unsigned char c = (unsigned char) *value;

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			strchr("-._~", c) || strchr(also, c))
			appendStringInfoChar(text, c);
		else
			appendStringInfo(text, "%%%02X", c);
	}
}

/* The path of a file in the client's folder, or its bare name if no folder was given. */
static char *
file_of(const Settings *settings, const char *name)
{
	const char *folder = settings->folder;
	bool windows;
	size_t length;

	if (folder == NULL || folder[0] == '\0')
		return pstrdup(name);
	windows = strchr(folder, '\\') || (isalpha((unsigned char) folder[0]) && folder[1] == ':');
	length = strlen(folder);
	if (folder[length - 1] == '/' || folder[length - 1] == '\\')
		return psprintf("%s%s", folder, name);
	return psprintf("%s%c%s", folder, windows && strchr(folder, '/') == NULL ? '\\' : '/', name);
}

/* "name:5432", with brackets around an IPv6 address. */
static char *
host_with_port(const CastsslClientHost *host)
{
	return psprintf(host->is_ipv6 ? "[%s]:%d" : "%s:%d", host->name, host->port);
}

static void
append_uri_file(StringInfo text, const Settings *settings, const char *name, const char *file)
{
	appendStringInfo(text, "&%s=", name);
	append_percent(text, file_of(settings, file), "/:");
}

static void
append_uri_files(StringInfo text, const Settings *settings, const char *key)
{
	if (is_verified(settings))
		append_uri_file(text, settings, "sslrootcert", "root.crt");
	if (settings->client_certificate)
	{
		append_uri_file(text, settings, "sslcert", "client.crt");
		append_uri_file(text, settings, "sslkey", key);
	}
}

/*
 * Append a URI up to its query.  The zone of an address is encoded (RFC 6874).  The characters in
 * of_database are not encoded in the name of the database.
 */
static void
append_uri_place(StringInfo text, const Settings *settings, const char *of_database)
{
	appendStringInfoString(text, "postgresql://");
	append_percent(text, settings->user_name, "");
	for (int i = 0; i < settings->hosts.count; i++)
	{
		appendStringInfoChar(text, i == 0 ? '@' : ',');
		append_percent(text, host_with_port(&settings->hosts.items[i]), "[]:");
	}
	appendStringInfoChar(text, '/');
	append_percent(text, settings->database, of_database);
}

static void
append_uri(StringInfo text, const Settings *settings)
{
	append_uri_place(text, settings, "");
	appendStringInfo(text, "?sslmode=%s", settings->sslmode);
	append_uri_files(text, settings, "client.key");
}

/* node-postgres reads the path of a URI by decodeURI(), which does not decode these characters. */
#define DECODED_NEVER ";/:@&=+$,"

/*
 * node-postgres treats prefer, require and verify-ca as verify-full, unless uselibpqcompat is
 * set; it does not know "allow".
 */
static void
append_node(StringInfo text, const Settings *settings)
{
	const char *sslmode = strcmp(settings->sslmode, "allow") == 0 ? "prefer" : settings->sslmode;

	if (settings->hosts.count > 1)
		ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
						errmsg("format \"node\" can name only one host"),
						errdetail("node-postgres connects to one host."),
						errhint("Name one host, such as that of a pooler or proxy.")));
	if (strpbrk(settings->database, "?#"))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("format \"node\" has no way to name database \"%s\"", settings->database),
				 errdetail("node-postgres does not decode \"?\" and \"#\" in the path of a URI."),
				 errhint("Take the values of format \"service\", and give them to Client one by "
						 "one.")));
	append_uri_place(text, settings, DECODED_NEVER);
	appendStringInfoChar(text, '?');
	if (strcmp(sslmode, "verify-full") != 0 && strcmp(sslmode, "disable") != 0)
		appendStringInfoString(text, "uselibpqcompat=true&");
	appendStringInfo(text, "sslmode=%s", sslmode);
	append_uri_files(text, settings, "client.key");
}

static void
append_service(StringInfo text, const Settings *settings)
{
	const CastsslClientHosts *hosts = &settings->hosts;

	appendStringInfo(text, "[%s]\nhost=", settings->database);
	for (int i = 0; i < hosts->count; i++)
		appendStringInfo(text, "%s%s", i ? "," : "", hosts->items[i].name);
	appendStringInfoString(text, "\nport=");
	for (int i = 0; i < hosts->count; i++)
		appendStringInfo(text, "%s%d", i ? "," : "", hosts->items[i].port);
	appendStringInfo(text, "\nuser=%s\ndbname=%s\nsslmode=%s\n", settings->user_name,
					 settings->database, settings->sslmode);
	if (is_verified(settings))
		appendStringInfo(text, "sslrootcert=%s\n", file_of(settings, "root.crt"));
	if (settings->client_certificate)
		appendStringInfo(text, "sslcert=%s\nsslkey=%s\n", file_of(settings, "client.crt"),
						 file_of(settings, "client.key"));
}

static void
append_jdbc(StringInfo text, const Settings *settings)
{
	appendStringInfoString(text, "jdbc:postgresql://");
	for (int i = 0; i < settings->hosts.count; i++)
		appendStringInfo(text, "%s%s", i ? "," : "", host_with_port(&settings->hosts.items[i]));
	appendStringInfoChar(text, '/');
	append_percent(text, settings->database, "");
	appendStringInfoString(text, "?user=");
	append_percent(text, settings->user_name, "");
	appendStringInfo(text, "&sslmode=%s", settings->sslmode);
	append_uri_files(text, settings, "client.pk8");
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

/* A file: in quotes only where a folder may need them. */
static void
append_npgsql_file(StringInfo text, const Settings *settings, const char *name, const char *file)
{
	if (settings->folder)
		append_npgsql_value(text, name, file_of(settings, file));
	else
		appendStringInfo(text, "%s=%s;", name, file);
}

/* If all hosts have one port, it is a value of its own; else each host has its port. */
static void
append_npgsql_hosts(StringInfo text, const CastsslClientHosts *hosts)
{
	bool same = true;
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 1; i < hosts->count; i++)
		same = same && hosts->items[i].port == hosts->items[0].port;
	for (int i = 0; i < hosts->count; i++)
		appendStringInfo(&list, "%s%s", i ? "," : "",
						 same ? hosts->items[i].name : host_with_port(&hosts->items[i]));
	append_npgsql_value(text, "Host", list.data);
	if (same)
		appendStringInfo(text, "Port=%d;", hosts->items[0].port);
}

static void
append_npgsql(StringInfo text, const Settings *settings)
{
	static const char *const modes[][2] = {
		{ "disable", "Disable" }, { "allow", "Allow" },        { "prefer", "Prefer" },
		{ "require", "Require" }, { "verify-ca", "VerifyCA" }, { "verify-full", "VerifyFull" }
	};
	const char *mode = NULL;

	for (int i = 0; i < lengthof(modes); i++)
	{
		if (strcmp(modes[i][0], settings->sslmode) == 0)
			mode = modes[i][1];
	}
	append_npgsql_hosts(text, &settings->hosts);
	append_npgsql_value(text, "Username", settings->user_name);
	append_npgsql_value(text, "Database", settings->database);
	appendStringInfo(text, "SSL Mode=%s;", mode);
	if (is_verified(settings))
		append_npgsql_file(text, settings, "Root Certificate", "root.crt");
	if (settings->client_certificate)
	{
		append_npgsql_file(text, settings, "SSL Certificate", "client.crt");
		append_npgsql_file(text, settings, "SSL Key", "client.key");
	}
}

/*
 * The .ini file that the environment variable CASTCONNECTIONEXTRAPARAMETERS names: a section for
 * each server.  An IPv6 address has no brackets of its own in the name of a section.
 */
static void
append_cast(StringInfo text, const Settings *settings)
{
	for (int i = 0; i < settings->hosts.count; i++)
	{
		const CastsslClientHost *host = &settings->hosts.items[i];

		appendStringInfo(text, "[%s:%d]\nssl=%s\nsslmode=%s\n", host->name, host->port,
						 strcmp(settings->sslmode, "disable") == 0 ? "false" : "true",
						 settings->sslmode);
		if (is_verified(settings))
			appendStringInfo(text, "sslrootcert=%s\n", file_of(settings, "root.crt"));
		if (settings->client_certificate)
			appendStringInfo(text, "sslcert=%s\nsslkey=%s\n", file_of(settings, "client.crt"),
							 file_of(settings, "client.pem.pk8"));
	}
}

/* The names are part of the SQL interface. */
static const struct
{
	const char *name;
	void (*append)(StringInfo text, const Settings *settings);
} formats[] = { { "uri", append_uri },   { "node", append_node },     { "service", append_service },
				{ "jdbc", append_jdbc }, { "npgsql", append_npgsql }, { "cast", append_cast } };

int
castssl_client_format(const char *name)
{
	const char *names[lengthof(formats) + 1] = { NULL };

	for (int i = 0; i < lengthof(formats); i++)
		names[i] = formats[i].name;
	return castssl_choice("format", name, names, "For example: format => 'uri'.");
}

char *
castssl_client_format_text(int format, const CastsslClientSettings *settings)
{
	StringInfoData text;

	initStringInfo(&text);
	formats[format].append(&text, settings);
	return text.data;
}
