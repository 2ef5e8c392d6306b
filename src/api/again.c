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

/* An argument as SQL; NULL where it must not be pasted. */
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

static bool
has_name(char **names, int count, const char *name)
{
	for (int i = 0; i < count; i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Append the arguments that the caller gave; false where one must not be pasted. */
static bool
append_arguments(StringInfo text, FunctionCallInfo fcinfo, const Oid *types, char **names,
				 int count)
{
	for (int i = 0; i < count; i++)
	{
		char *value;

		/* what is false is so by default */
		if (fcinfo->args[i].isnull || strcmp(names[i], "confirm_within") == 0 ||
			strcmp(names[i], "force") == 0 || strcmp(names[i], "dry_run") == 0 ||
			(types[i] == BOOLOID && !DatumGetBool(fcinfo->args[i].value)))
			continue;
		value = value_text(types[i], fcinfo->args[i].value);
		if (value == NULL)
			return false;
		appendStringInfo(text, "%s => %s, ", names[i], value);
	}
	return true;
}

CastsslAgain
castssl_again(FunctionCallInfo fcinfo)
{
	HeapTuple tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(fcinfo->flinfo->fn_oid));
	CastsslAgain again = { 0 };
	StringInfoData text;
	Oid *types;
	char **names;
	char *modes;
	int count;

	if (!HeapTupleIsValid(tuple))
		/* LCOV_EXCL_START: the call has looked it up */
		elog(ERROR, "cache lookup failed for function %u", fcinfo->flinfo->fn_oid);
	/* LCOV_EXCL_STOP */
	(void) get_func_arg_info(tuple, &types, &names, &modes);
	count = ((Form_pg_proc) GETSTRUCT(tuple))->pronargs; /* what it returns stands behind */
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT * FROM %s(",
					 NameStr(((Form_pg_proc) GETSTRUCT(tuple))->proname));
	ReleaseSysCache(tuple);
	again.can_wait = has_name(names, count, "confirm_within");
	if (has_name(names, count, "certificate") ||
		!append_arguments(&text, fcinfo, types, names, count))
		return again;
	appendStringInfoString(&text,
						   again.can_wait ? "confirm_within => '10 min');" : "force => true);");
	again.statement = text.data;
	return again;
}
