/*
 * cron.c
 *		Jobs of pg_cron, which connect by TCP when they are due.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "postmaster/postmaster.h"
#include "utils/guc.h"
#include "utils/varlena.h"

#include "base/words.h"
#include "flow/ask/cron.h"
#include "flow/ask/own_host.h"
#include "server/parameters.h"
#include "server/process/query.h"

/*
 * Accept only a table that a superuser owns.  Anybody who may create a schema could put a view
 * there, whose functions would run as the caller.
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
	" WHERE j.active AND j.nodename <> '' AND j.nodename !~ '^[/@]' ORDER BY j.jobid"

static bool
is_possible(void)
{
	const char *workers = GetConfigOption("cron.use_background_workers", true, false);

	if (workers && strcmp(workers, "on") == 0)
		return false;
	castssl_query(IS_THERE);
	return SPI_processed > 0;
}

/*
 * The nodename by which libpq uses the server's socket, "" for its default; NULL: there is no
 * socket.
 */
static const char *
socket_folder(void)
{
	const char *first = NULL;
	List *folders;
	ListCell *cell;

	(void) SplitDirectoriesString(pstrdup(Unix_socket_directories), ',', &folders);
	foreach (cell, folders)
	{
		const char *folder = lfirst(cell);

		if (strcmp(folder, DEFAULT_PGSOCKET_DIR) == 0)
			return "";
		if (first == NULL && (folder[0] == '/' || folder[0] == '@'))
			first = folder;
	}
	return first;
}

static const char *
statement(const char *jobs)
{
	const char *folder = socket_folder();
	char *literal = folder ? castssl_sql_literal(folder) : NULL;

	return literal
			   ? psprintf("UPDATE cron.job SET nodename = %s WHERE jobid IN (%s);", literal, jobs)
			   : NULL;
}

CastsslCronRefused
castssl_cron_refused(const CastsslHbaPolicy *policy, bool tls)
{
	const CastsslTries tries = { .tls = tls, .plaintext = true };
	MemoryContext outer = CurrentMemoryContext;
	CastsslCronRefused refused = { 0 };
	StringInfoData jobs;

	initStringInfo(&jobs);
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
		if (!castssl_own_host_refuses(policy, &connection, value[3], &tries))
			continue;
		castssl_append_listed(&jobs, value[0]);
		if (refused.count++ == 0)
		{
			MemoryContext context = MemoryContextSwitchTo(outer);

			refused.example = psprintf("job %s of %s on database %s", value[0], value[2], value[1]);
			MemoryContextSwitchTo(context);
		}
	}
	SPI_finish();
	refused.statement = statement(jobs.data);
	return refused;
}

void
castssl_cron_warn(CastsslPlan *plan)
{
	const CastsslHbaPolicy *policy = castssl_own_host_policy_after(plan);
	CastsslCronRefused refused;

	if (policy == NULL)
		return;
	refused = castssl_cron_refused(policy, plan->ssl_after);
	if (refused.count > 0 &&
		refused.count > castssl_cron_refused(plan->hba_before, castssl_tls_is_on()).count)
		castssl_plan_warn(
			plan, "edit pg_hba", "pg_cron", CASTSSL_CODE_cron_jobs,
			psprintf("%s by TCP and would be refused afterwards, such as %s: have them use %s"
					 "background workers",
					 castssl_counted(refused.count, "active job connects", "active jobs connect"),
					 refused.example,
					 refused.statement ? psprintf("the socket (%s) or ", refused.statement) : ""));
}
