/*
 * slots.c
 *		Slots for background workers, of which the server has max_worker_processes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"

#include "server/process/query.h"
#include "server/process/slots.h"

#define DEFAULT_SLOTS 8 /* PostgreSQL's own */
#define MORE_SLOTS 4    /* also for others that found no free slot */

/*
 * Parallel workers do not count, because they end soon; other background workers keep their slot.
 */
static int
count_taken(void)
{
	int count = 0;
	ListCell *cell;

	SPI_connect();
	foreach (cell,
			 castssl_query_column("SELECT pid::pg_catalog.text FROM pg_catalog.pg_stat_activity"
								  " WHERE backend_type <> 'parallel worker'"))
		count += GetBackgroundWorkerTypeByPid(pg_strtoint32(lfirst(cell))) != NULL;
	SPI_finish();
	return count;
}

bool
castssl_slot_is_free(void)
{
	return count_taken() < max_worker_processes;
}

int
castssl_slots_wanted(void)
{
	return Max(DEFAULT_SLOTS, max_worker_processes + MORE_SLOTS);
}
