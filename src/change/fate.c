/*
 * fate.c
 *		Transaction ids for state files, and whether such a transaction has committed.
 */
#include "postgres.h"

#include "access/rmgr.h"
#include "access/transam.h"
#include "access/xact.h"
#include "access/xlog.h"
#include "access/xloginsert.h"
#include "catalog/pg_control.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/xid8.h"

#include "change/fate.h"

uint64
castssl_transaction_id(bool innermost)
{
	FullTransactionId id;
	int nothing = 0;

	if (RecoveryInProgress())
		return 0;
	id = innermost ? GetCurrentFullTransactionId() : GetTopFullTransactionId();
	XLogBeginInsert();
	XLogRegisterData((void *) &nothing, sizeof(nothing));
	XLogFlush(XLogInsert(RM_XLOG_ID, XLOG_NOOP));
	ForceSyncCommit();
	return U64FromFullTransactionId(id);
}

CastsslFate
castssl_fate(uint64 transaction)
{
	LOCAL_FCINFO(fcinfo, 1);
	FullTransactionId id = FullTransactionIdFromU64(transaction);
	const char *status;
	Datum result;

	if (transaction == 0)
		return CASTSSL_COMMITTED;
	if (!FullTransactionIdPrecedes(id, ReadNextFullTransactionId()))
		return CASTSSL_NOT_COMMITTED; /* of another cluster */
	if (TransactionIdIsCurrentTransactionId(XidFromFullTransactionId(id)))
		return CASTSSL_RUNNING;
	InitFunctionCallInfoData(*fcinfo, NULL, 1, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = FullTransactionIdGetDatum(id);
	fcinfo->args[0].isnull = false;
	result = pg_xact_status(fcinfo);
	if (fcinfo->isnull)
		return CASTSSL_FORGOTTEN;
	status = TextDatumGetCString(result);
	return strcmp(status, "committed") == 0     ? CASTSSL_COMMITTED
		   : strcmp(status, "in progress") == 0 ? CASTSSL_RUNS_ELSEWHERE
												: CASTSSL_NOT_COMMITTED;
}
