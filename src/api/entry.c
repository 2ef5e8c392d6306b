/*
 * entry.c
 *		The beginning and the end of every SQL function.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_proc.h"
#include "miscadmin.h"
#include "utils/syscache.h"

#include "api/entry.h"
#include "server/process/call.h"
#include "server/process/caller.h"
#include "server/process/schema.h"
#include "server/process/text.h"

/* The owner of the called function, and its schema. */
static Oid
owner_of(const FunctionCallInfoBaseData *fcinfo, Oid *schema)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	Oid owner;

	if (!HeapTupleIsValid(tuple))
		/* LCOV_EXCL_START: the call has looked it up */
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	/* LCOV_EXCL_STOP */
	owner = ((Form_pg_proc) GETSTRUCT(tuple))->proowner;
	*schema = ((Form_pg_proc) GETSTRUCT(tuple))->pronamespace;
	ReleaseSysCache(tuple);
	return owner;
}

Datum
castssl_enter(FunctionCallInfo fcinfo, PGFunction body)
{
	Oid schema;
	Oid owner = owner_of(fcinfo, &schema);
	const char *volatile schema_before = NULL;
	Oid user;
	Oid caller_before;
	int context;
	Datum result;
	ErrorContextCallback valid = { .callback = castssl_report_text };

	if (IsParallelWorker() || IsInParallelMode())
		ereport(
			ERROR,
			(errcode(ERRCODE_INVALID_TRANSACTION_STATE),
			 errmsg("functions of pg_castssl cannot be called in a parallel operation"),
			 errdetail(
				 "They are PARALLEL UNSAFE, but the function that calls them is not declared so."),
			 errhint("Declare the function that calls them PARALLEL UNSAFE.")));

	GetUserIdAndSecContext(&user, &context);
	caller_before = castssl_caller_set(user);
	castssl_call_begin();
	PG_TRY();
	{
		schema_before = castssl_schema_set(schema);
		valid.previous = error_context_stack;
		error_context_stack = &valid;
		/* As fmgr does for SECURITY DEFINER: SET ROLE cannot leave this context. */
		SetUserIdAndSecContext(owner, context | SECURITY_LOCAL_USERID_CHANGE);
		result = body(fcinfo);
		error_context_stack = valid.previous;
	}
	PG_FINALLY();
	{
		SetUserIdAndSecContext(user, context);
		castssl_schema_restore(schema_before);
		(void) castssl_caller_set(caller_before);
		castssl_call_end();
	}
	PG_END_TRY();
	return result;
}
