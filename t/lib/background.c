/*
 * background.c
 *		For tests: SQL that runs in a background worker, which ignores SIGHUP as
 *		pg_cron's and others' do.
 */
#include "postgres.h"

#include "access/xact.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/bgworker.h"
#include "utils/builtins.h"
#include "utils/snapmgr.h"

PG_MODULE_MAGIC;
PG_FUNCTION_INFO_V1(run_in_background);

extern PGDLLEXPORT void background_main(Datum argument);

void
background_main(Datum argument)
{
	Oid database;

	memcpy(&database, MyBgworkerEntry->bgw_extra, sizeof(database));
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnectionByOid(database, InvalidOid, 0);
	StartTransactionCommand();
	SPI_connect();
	PushActiveSnapshot(GetTransactionSnapshot());
	SPI_execute(MyBgworkerEntry->bgw_extra + sizeof(database), false, 0);
	SPI_finish();
	PopActiveSnapshot();
	CommitTransactionCommand();
}

/* run_in_background(statement of at most 100 bytes): it has ended when this returns. */
Datum
run_in_background(PG_FUNCTION_ARGS)
{
	BackgroundWorker worker = { 0 };
	BackgroundWorkerHandle *handle;
	char *statement = text_to_cstring(PG_GETARG_TEXT_PP(0));

	worker.bgw_flags = BGWORKER_SHMEM_ACCESS | BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = BGW_NEVER_RESTART;
	strcpy(worker.bgw_library_name, MODULE);
	strcpy(worker.bgw_function_name, "background_main");
	strcpy(worker.bgw_name, "background");
	memcpy(worker.bgw_extra, &MyDatabaseId, sizeof(Oid));
	strlcpy(worker.bgw_extra + sizeof(Oid), statement, BGW_EXTRALEN - sizeof(Oid));
	worker.bgw_notify_pid = MyProcPid;
	if (!RegisterDynamicBackgroundWorker(&worker, &handle))
		elog(ERROR, "no slot");
	(void) WaitForBackgroundWorkerShutdown(handle);
	PG_RETURN_VOID();
}
