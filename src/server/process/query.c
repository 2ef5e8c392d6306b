/*
 * query.c
 *		A query of the server's own views.
 */
#include "postgres.h"

#include "server/process/query.h"

void
castssl_query(const char *query)
{
	/* SPI_execute would say CURSOR_OPT_PARALLEL_OK to the planner. */
	SPIPlanPtr plan = SPI_prepare(query, 0, NULL);
	int rc = plan == NULL ? SPI_result : SPI_execute_plan(plan, NULL, NULL, true, 0);

	if (rc != SPI_OK_SELECT)
		/* LCOV_EXCL_START: a constant query of the system's own views */
		elog(ERROR, "could not run a query: %s", SPI_result_code_string(rc));
	/* LCOV_EXCL_STOP */
}

List *
castssl_query_column(const char *query)
{
	MemoryContext context = CurrentMemoryContext;
	List *values = NIL;

	SPI_connect();
	castssl_query(query);
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(context);

		values = lappend(values, SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
		MemoryContextSwitchTo(spi);
	}
	SPI_finish();
	return values;
}
