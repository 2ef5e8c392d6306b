/*
 * foreign.c
 *		Foreign servers that point at this server, by TCP.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "postmaster/postmaster.h"
#include "utils/builtins.h"

#include "base/words.h"
#include "flow/ask/foreign.h"
#include "flow/ask/own_host.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/process/query.h"

/* The columns of mappings_query. */
enum
{
	SERVER,
	HOST,
	PORT,
	DATABASE,
	SSLMODE,
	USER_NAME,
	CERTIFICATE,
	NCOLUMNS
};

/* One row for each user mapping.  libpq takes the user's name for a database that is not named. */
static const char *const mappings_query =
	"SELECT s.srvname::pg_catalog.text, COALESCE(o.server->>'hostaddr', o.server->>'host'),"
	" o.server->>'port', COALESCE(o.server->>'dbname', o.mapping->>'user'), o.server->>'sslmode',"
	" o.mapping->>'user', COALESCE(o.mapping->>'sslcert', o.server->>'sslcert')"
	" FROM pg_catalog.pg_foreign_server s"
	" JOIN pg_catalog.pg_foreign_data_wrapper w ON w.oid = s.srvfdw"
	" JOIN pg_catalog.pg_user_mappings m ON m.srvid = s.oid"
	" CROSS JOIN LATERAL (SELECT"
	" (SELECT pg_catalog.jsonb_object_agg(option_name, option_value)"
	" FROM pg_catalog.pg_options_to_table(s.srvoptions)) AS server,"
	" (SELECT pg_catalog.jsonb_object_agg(option_name, option_value)"
	" FROM pg_catalog.pg_options_to_table(m.umoptions)) AS mapping) o"
	" WHERE w.fdwname IN ('postgres_fdw', 'dblink_fdw') ORDER BY s.srvname, m.umid";

/* What libpq tries with this sslmode; NULL: its default. */
static CastsslTries
tries_of(const char *sslmode, bool tls, bool certificate)
{
	bool plaintext_alone = sslmode && strcmp(sslmode, "disable") == 0;
	bool either =
		sslmode == NULL || strcmp(sslmode, "prefer") == 0 || strcmp(sslmode, "allow") == 0;

	return (CastsslTries){ .tls = tls && !plaintext_alone,
						   .plaintext = plaintext_alone || either,
						   .certificate = certificate };
}

/* The statement after which the server is reached over TLS; NULL: it cannot be pasted safely. */
static char *
statement_for(const char *server, const char *sslmode)
{
	char *statement = psprintf("ALTER SERVER %s OPTIONS (%s sslmode 'require');",
							   quote_identifier(server), sslmode ? "SET" : "ADD");

	return castssl_is_pasteable(statement) ? statement : NULL;
}

/* What is known of the servers so far. */
typedef struct Found
{
	CastsslForeignRefused refused;
	const char *last;          /* the server that was found last */
	StringInfoData statements; /* for those that TLS would let in */
	bool others;               /* there are others */
} Found;

/* PostgreSQL shows the options of others' mappings to superusers alone. */
static char *
example_of(char *const *value)
{
	if (!castssl_caller_is_superuser())
		return psprintf("server %s", value[SERVER]);
	return psprintf("server %s as %s on database %s", value[SERVER], value[USER_NAME],
					value[DATABASE]);
}

static void
find(Found *found, char *const *value, const CastsslHbaPolicy *policy, bool tls)
{
	CastsslTries tries = tries_of(value[SSLMODE], tls, value[CERTIFICATE] != NULL);
	CastsslTries by_tls = { .tls = tls, .certificate = tries.certificate };
	CastsslConnection connection = { .database = value[DATABASE], .user = value[USER_NAME] };
	long port = value[PORT] ? strtol(value[PORT], NULL, 10) : DEF_PGPORT;
	char *statement = NULL;

	if (!value[HOST] || !value[USER_NAME] || port != PostPortNumber ||
		!castssl_own_host_refuses(policy, &connection, value[HOST], &tries) ||
		(found->last && strcmp(found->last, value[SERVER]) == 0))
		return;
	found->last = value[SERVER];
	if (found->refused.count++ == 0)
		found->refused.example = example_of(value);
	if (!castssl_own_host_refuses(policy, &connection, value[HOST], &by_tls))
		statement = statement_for(value[SERVER], value[SSLMODE]);
	if (statement)
		appendStringInfo(&found->statements, "%s%s", found->statements.len > 0 ? " " : "",
						 statement);
	else
		found->others = true;
}

static const char *
hint_for(const Found *found)
{
	const char *words = "Give them a client certificate (options sslmode, sslcert and sslkey), or "
						"admit them in pg_hba.conf.";

	if (found->statements.len == 0)
		return words;
	return found->others ? psprintf("%s  For others: %s", found->statements.data, words)
						 : found->statements.data;
}

CastsslForeignRefused
castssl_foreign_refused(const CastsslHbaPolicy *policy, bool tls)
{
	MemoryContext outer = CurrentMemoryContext;
	Found found = { { 0 } };

	initStringInfo(&found.statements);
	SPI_connect();
	castssl_query(mappings_query);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext context = MemoryContextSwitchTo(outer);
		char *value[NCOLUMNS];

		for (int column = 0; column < NCOLUMNS; column++)
			value[column] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column + 1);
		find(&found, value, policy, tls);
		MemoryContextSwitchTo(context);
	}
	SPI_finish();
	if (found.refused.count > 0)
		found.refused.hint = hint_for(&found);
	return found.refused;
}

void
castssl_foreign_warn(CastsslPlan *plan)
{
	const CastsslHbaPolicy *policy = castssl_own_host_policy_after(plan);
	CastsslForeignRefused refused;

	if (policy == NULL)
		return;
	refused = castssl_foreign_refused(policy, plan->ssl_after);
	if (refused.count > 0 &&
		refused.count > castssl_foreign_refused(plan->hba_before, castssl_tls_is_on()).count)
		castssl_plan_warn(
			plan, "edit pg_hba", "foreign servers", CASTSSL_CODE_foreign_servers,
			psprintf(
				"%s at this server and would be refused afterwards, such as %s.  %s",
				castssl_counted(refused.count, "foreign server points", "foreign servers point"),
				refused.example, refused.hint));
}
