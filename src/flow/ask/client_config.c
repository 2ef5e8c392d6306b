/*
 * client_config.c
 *		The settings that a client needs to connect, ready to paste.
 */
#include "postgres.h"

#include <openssl/x509v3.h>

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "postmaster/postmaster.h"

#include "base/words.h"
#include "flow/ask/client_config.h"
#include "flow/ask/client_formats.h"
#include "flow/ask/explain.h"
#include "flow/plan/material.h"
#include "server/hba_files.h"
#include "server/parameters.h"
#include "server/process/raise.h"
#include "server/world.h"

/* Is the certificate that the server uses valid for this host name? */
static bool
certificate_names(const char *host)
{
	CastsslCertificate own;

	if (!castssl_material_certificate_on_disk(&own))
		return false;
	/* As in libpq: no wildcard for a part of a label. */
	return X509_check_host(own.x509, host, 0, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS, NULL) == 1 ||
		   X509_check_ip_asc(own.x509, host, 0) == 1;
}

/* Set an address to which the rule may apply. */
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

/* May the rule match such a connection, encrypted or not? */
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

/* Does a line admit such a connection?  The role and the database are not checked. */
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
ask_rules(CastsslClientSettings *settings)
{
	CastsslHbaPolicy *policy = castssl_hba_files_read(NULL, 0);
	CastsslHbaWorld world = *castssl_hba_world();
	CastsslQuestion question = { .brief = true, .world = &world, .cn = settings->user_name };
	bool tls = false;
	bool plaintext = false;

	world.host_name = NULL; /* host names stay unknown, because DNS is not asked */
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
			/* judge the rule alone, as if the client's address had the name */
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

static void
check_value(const char *name, const char *value)
{
	if (!castssl_is_pasteable(pg_server_to_any(value, (int) strlen(value), PG_UTF8)))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("%s must not contain a line break or another control character", name),
				 errdetail("Some formats cannot hold such a character, a terminal would act on it, "
						   "and an invisible one would show another name.")));
}

static bool
certificate_names_all(const CastsslClientHosts *hosts)
{
	for (int i = 0; i < hosts->count; i++)
	{
		if (!certificate_names(hosts->items[i].name))
			return false;
	}
	return true;
}

/* The caller's sslmode. named: the server's certificate names every host. */
static const char *
checked_sslmode(const char *name, bool named)
{
	static const char *const names[] = { "disable",   "allow",       "prefer", "require",
										 "verify-ca", "verify-full", NULL };
	const char *sslmode =
		names[castssl_choice("sslmode", name, names, "For example: sslmode => 'verify-full'.")];

	if (strcmp(sslmode, "verify-full") == 0 && !named)
		ereport(WARNING,
				(errmsg("the server's certificate does not name every host"),
				 errdetail("With sslmode=verify-full clients refuse a host that it does not name."),
				 errhint("Install a certificate with these names: castssl_csr(dns_names => ...) "
						 "makes the request. Or use sslmode => 'verify-ca'.")));
	return sslmode;
}

char *
castssl_client_config_text(const CastsslClientCall *call)
{
	int format = castssl_client_format(call->format);
	bool ssl = castssl_tls_is_on();
	CastsslClientSettings settings = { .user_name = call->user_name,
									   .database = call->database,
									   .folder = call->folder };
	bool named;

	settings.hosts =
		castssl_client_hosts_read(call->host, call->port ? call->port : PostPortNumber);
	check_value("user_name", call->user_name);
	check_value("database", call->database);
	if (call->folder)
		check_value("folder", call->folder);
	named = ssl && certificate_names_all(&settings.hosts);
	settings.sslmode = !ssl ? "prefer" : named ? "verify-full" : "verify-ca";
	if (ssl)
		ask_rules(&settings);
	if (call->sslmode)
		settings.sslmode = checked_sslmode(call->sslmode, named || !ssl);
	if (strcmp(settings.sslmode, "disable") == 0)
		settings.client_certificate = false;
	return castssl_client_format_text(format, &settings);
}
