/*
 * cron.c
 *		Jobs of pg_cron, which connect by TCP when they are due.
 */
#include "postgres.h"

#include "postmaster/postmaster.h"
#include "utils/guc.h"

#include "base/words.h"
#include "flow/ask/cron.h"
#include "hba/match/match.h"
#include "hba/text/address.h"
#include "server/parameters.h"
#include "server/process/query.h"
#include "server/world.h"

/*
 * Only a table of a superuser's: anybody who may create a schema could put a view with functions of
 * his own there, which would run as the caller.
 */
#define IS_THERE                                                                                   \
	"SELECT 1 FROM pg_catalog.pg_class c"                                                          \
	" JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace"                                    \
	" JOIN pg_catalog.pg_roles r ON r.oid = c.relowner"                                            \
	" WHERE n.nspname = 'cron' AND c.relname = 'job' AND c.relkind = 'r' AND r.rolsuper"           \
	" AND pg_catalog.has_schema_privilege(n.oid, 'USAGE')"                                         \
	" AND pg_catalog.has_table_privilege(c.oid, 'SELECT')"                                         \
	" AND (SELECT count(*) FROM pg_catalog.pg_attribute a WHERE a.attrelid = c.oid"                \
	"  AND a.attname IN ('jobid', 'database', 'username', 'nodename', 'nodeport', 'active')) = 6"

#define JOBS                                                                                       \
	"SELECT j.jobid::pg_catalog.text, j.database::pg_catalog.text, j.username::pg_catalog.text,"   \
	" j.nodename::pg_catalog.text, j.nodeport::pg_catalog.text FROM cron.job j"                    \
	" WHERE j.active AND j.nodename <> '' AND j.nodename !~ '^/' ORDER BY j.jobid"

/* Does a line admit this connection of a client that has no certificate? */
static bool
admits(const CastsslHbaPolicy *policy, const CastsslConnection *connection,
	   const CastsslHbaWorld *world)
{
	int rule = castssl_hba_match(policy, connection, world, NULL);

	return rule >= 0 && strcmp(policy->rules[rule].method, "reject") != 0 &&
		   policy->rules[rule].clientcert == CASTSSL_CLIENTCERT_NONE;
}

/* By this address, encrypted or not, as libpq tries them? */
static bool
has_way_in(const CastsslHbaPolicy *policy, CastsslConnection *connection, bool tls,
		   const CastsslHbaWorld *world)
{
	connection->encryption = CASTSSL_TLS;
	if (tls && admits(policy, connection, world))
		return true;
	connection->encryption = CASTSSL_PLAINTEXT;
	return admits(policy, connection, world);
}

/* Is the connection from this address refused?  Not where it is none, but a name. */
static bool
is_refused_from(const CastsslHbaPolicy *policy, CastsslConnection *connection, const char *host,
				bool tls, const CastsslHbaWorld *world)
{
	CastsslHbaAddress address;
	char *text;

	if (!castssl_hba_address_parse(host, &address, &text) ||
		address.kind != CASTSSL_HBA_ADDRESS_MASK)
		return false;
	connection->family = address.family;
	memcpy(connection->address, address.address, sizeof(address.address));
	return !has_way_in(policy, connection, tls, world);
}

/* Names other than localhost are not looked up. */
static bool
is_refused(const CastsslHbaPolicy *policy, CastsslConnection *connection, const char *host,
		   bool tls, const CastsslHbaWorld *world)
{
	if (strcmp(host, "localhost") != 0)
		return is_refused_from(policy, connection, host, tls, world);
	return is_refused_from(policy, connection, "127.0.0.1", tls, world) &&
		   is_refused_from(policy, connection, "::1", tls, world);
}

static bool
is_possible(void)
{
	const char *workers = GetConfigOption("cron.use_background_workers", true, false);

	if (workers && strcmp(workers, "on") == 0)
		return false;
	castssl_query(IS_THERE);
	return SPI_processed > 0;
}

CastsslCronRefused
castssl_cron_refused(const CastsslHbaPolicy *policy, bool tls)
{
	const CastsslHbaWorld *world = castssl_hba_world();
	MemoryContext outer = CurrentMemoryContext;
	CastsslCronRefused refused = { 0 };

	SPI_connect();
	if (is_possible())
		castssl_query(JOBS);
	else
		SPI_processed = 0;
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *value[5];
		CastsslConnection connection = { 0 };

		for (int column = 0; column < lengthof(value); column++)
			value[column] = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, column + 1);
		if (!value[1] || !value[2] || !value[4] ||
			strcmp(value[4], psprintf("%d", PostPortNumber)) != 0)
			continue;
		connection.database = value[1];
		connection.user = value[2];
		if (!is_refused(policy, &connection, value[3], tls, world))
			continue;
		if (refused.count++ == 0)
		{
			MemoryContext context = MemoryContextSwitchTo(outer);

			refused.example = psprintf("job %s of %s on database %s", value[0], value[2], value[1]);
			MemoryContextSwitchTo(context);
		}
	}
	SPI_finish();
	return refused;
}

void
castssl_cron_warn(CastsslPlan *plan)
{
	const CastsslHbaPolicy *policy = plan->hba_changes ? plan->hba_after : plan->hba_before;
	CastsslCronRefused refused;

	if (policy == NULL || (!plan->hba_changes && plan->ssl_after == castssl_tls_is_on()))
		return;
	refused = castssl_cron_refused(policy, plan->ssl_after);
	if (refused.count > 0 &&
		refused.count > castssl_cron_refused(plan->hba_before, castssl_tls_is_on()).count)
		castssl_plan_warn(
			plan, "edit pg_hba", "pg_cron", CASTSSL_CODE_cron_jobs,
			psprintf("%s by TCP and would be refused afterwards, such as %s: have them "
					 "use the socket (nodename '') or background workers",
					 castssl_counted(refused.count, "active job connects", "active jobs connect"),
					 refused.example));
}
