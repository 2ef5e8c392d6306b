/*
 * workers.c
 *		A check of the background worker that undoes what nobody confirms or commits.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"

#include "change/lock.h"
#include "change/worker.h"
#include "flow/check/checks.h"
#include "server/process/query.h"

#define DEFAULT_SLOTS 8 /* PostgreSQL's own */
#define MORE_SLOTS 4    /* for others who found none free, too */

/* Parallel workers come and go; other background workers keep their slot. */
static int
count_slots_taken(void)
{
	int count = 0;

	SPI_connect();
	castssl_query("SELECT pid::pg_catalog.text FROM pg_catalog.pg_stat_activity"
				  " WHERE backend_type <> 'parallel worker'");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		char *pid = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		if (pid && GetBackgroundWorkerTypeByPid(pg_strtoint32(pid)) != NULL)
			count++;
	}
	SPI_finish();
	return count;
}

void
castssl_check_recovery_worker(CastsslCheckScope *scope)
{
	if (castssl_watch_exists() || count_slots_taken() < max_worker_processes)
		return;
	castssl_check_report(
		scope, CASTSSL_WARNING, "max_worker_processes",
		psprintf("all background workers (%d) are taken, and the one that undoes changes does not "
				 "run: %s",
				 max_worker_processes,
				 castssl_worker_is_registered()
					 ? "the library is preloaded, but nobody undoes what a crash leaves"
					 : "confirm_within is refused, and ROLLBACK leaves a change in effect until "
					   "the next call"),
		psprintf("ALTER SYSTEM SET max_worker_processes = %d; then restart the server.",
				 Max(DEFAULT_SLOTS, max_worker_processes + MORE_SLOTS)));
}
