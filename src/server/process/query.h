/*
 * query.h
 *		A query of the server's own views.
 */
#ifndef CASTSSL_SERVER_PROCESS_QUERY_H
#define CASTSSL_SERVER_PROCESS_QUERY_H

#include "executor/spi.h"

/*
 * Run a SELECT, read only, between SPI_connect and SPI_finish: its rows are in
 * SPI_tuptable.  All of it runs in this process.  SPI_execute would let a parallel
 * worker do it (force_parallel_mode, which anybody may set), and that one knows
 * nothing of hooks and variables that are set here.
 */
extern void castssl_query(const char *query);

#endif
