/*
 * again.c
 *		The running call as a statement, so that a hint can say how to call again.
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "api/again.h"
#include "base/words.h"

/* An argument as SQL; NULL if it cannot be pasted safely. */
static char *
value_text(Oid type, Datum value)
{
	Oid output;
	bool is_varlena;
	char *text;

	getTypeOutputInfo(type, &output, &is_varlena);
	text = OidOutputFunctionCall(output, value);
	if (type == BOOLOID)
		return DatumGetBool(value) ? "true" : "false";
	return type == INT8OID || type == INT4OID ? text : castssl_sql_literal(text);
}

/* The running call: its function, and those of its parameters that are no output columns. */
typedef struct Call
{
	FunctionCallInfo fcinfo;
	char *function;
	Oid *types;
	char **names;
	int count;
} Call;

static bool
has_parameter(const Call *call, const char *name)
{
	for (int i = 0; i < call->count; i++)
	{
		if (strcmp(call->names[i], name) == 0)
			return true;
	}
	return false;
}

static bool
is_one_of(const char *const *names, const char *name)
{
	while (*names && strcmp(*names, name) != 0)
		names++;
	return *names != NULL;
}

/* The parameters for how the plan is applied, and for where its files go. */
static const char *const options[] = { "confirm_within", "force", "dry_run", NULL };
static const char *const target[] = { "target_dir", NULL };
static const char *const files[] = { "source_dir", "cert_file",  "key_file", "ca_file",
									 "crl_file",   "target_dir", NULL };

/*
 * "SELECT * FROM castssl_enable(source_dir => '...', ": the arguments that the caller gave, except
 * those named in without.  NULL if one cannot be pasted safely.
 */
static char *
beginning(const Call *call, const char *const *without)
{
	const NullableDatum *args = call->fcinfo->args;
	StringInfoData text;

	initStringInfo(&text);
	appendStringInfo(&text, "SELECT * FROM %s(", call->function);
	for (int i = 0; i < call->count; i++)
	{
		char *value;

		/* false is the default of every boolean parameter */
		if (args[i].isnull || is_one_of(without, call->names[i]) ||
			(call->types[i] == BOOLOID && !DatumGetBool(args[i].value)))
			continue;
		value = value_text(call->types[i], args[i].value);
		if (value == NULL)
			return NULL;
		appendStringInfo(&text, "%s => %s, ", call->names[i], value);
	}
	return text.data;
}

CastsslAgain
castssl_again(FunctionCallInfo fcinfo)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	CastsslAgain again = { 0 };
	Call call = { .fcinfo = fcinfo };
	char *start;
	char *modes;

	if (!HeapTupleIsValid(tuple))
		/* LCOV_EXCL_START: the call has looked it up */
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	/* LCOV_EXCL_STOP */
	(void) get_func_arg_info(tuple, &call.types, &call.names, &modes);
	call.count = ((Form_pg_proc) GETSTRUCT(tuple))->pronargs; /* the output columns follow these */
	call.function = pstrdup(NameStr(((Form_pg_proc) GETSTRUCT(tuple))->proname));
	ReleaseSysCache(tuple);
	again.can_wait = has_parameter(&call, "confirm_within");
	if (has_parameter(&call, "certificate"))
		return again;
	if (has_parameter(&call, "target_dir"))
		again.up_to_target = beginning(&call, target);
	if (has_parameter(&call, "source_dir"))
		again.up_to_files = beginning(&call, files);
	start = beginning(&call, options);
	if (start)
		again.statement = psprintf(
			"%s%s", start, again.can_wait ? "confirm_within => '10 min');" : "force => true);");
	return again;
}
