/*
 * pg_castssl.c
 *		Certificate-based TLS for a PostgreSQL server, by one SQL statement.
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "base/compat.h"
#include "base/interrupts.h"
#include "base/settings.h"
#include "change/transaction.h"
#include "change/worker.h"
#include "server/process/wait.h"

PG_MODULE_MAGIC;

/* NOLINTNEXTLINE(bugprone-reserved-identifier,cert-dcl*): it is PostgreSQL's name */
extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	castssl_settings_define();
	castssl_interrupted = castssl_check_for_interrupts;
	castssl_transaction_register();
	if (process_shared_preload_libraries_in_progress)
		castssl_worker_register();
}
