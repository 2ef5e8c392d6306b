/*
 * query.h
 *		A query of the server's own views.
 */
#ifndef CASTSSL_SERVER_PROCESS_QUERY_H
#define CASTSSL_SERVER_PROCESS_QUERY_H

#include "executor/spi.h"
#include "nodes/pg_list.h"

/*
 * Run a SELECT, read only, between SPI_connect and SPI_finish: its rows are in SPI_tuptable.  All
 * of it runs in this process.  SPI_execute would allow a parallel worker (force_parallel_mode,
 * which any user may set), and a worker does not see the hooks and variables that are set here.
 */
extern void castssl_query(const char *query);

/* The first column of such a query's rows, as text: a list in the current memory context. */
extern List *castssl_query_column(const char *query);

#endif
