/*
 * result.c
 *		Rows for the caller.
 */
#include "postgres.h"

#include <sys/socket.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inet.h"
#include "utils/timestamp.h"

#include "api/result.h"
#include "flow/plan/steps.h"
#include "server/process/schema.h"
#include "server/process/text.h"

CastsslRows
castssl_rows_begin(FunctionCallInfo fcinfo)
{
	ReturnSetInfo *info = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext context;
	CastsslRows rows;

	if (info == NULL || !IsA(info, ReturnSetInfo) || !(info->allowedModes & SFRM_Materialize))
		ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
						errmsg("set-valued function called in context that cannot accept a set")));

	context = MemoryContextSwitchTo(info->econtext->ecxt_per_query_memory);
	if (get_call_result_type(fcinfo, NULL, &rows.descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	rows.descriptor = BlessTupleDesc(CreateTupleDescCopy(rows.descriptor));
	rows.store =
		tuplestore_begin_heap((info->allowedModes & SFRM_Materialize_Random) != 0, false, work_mem);
	MemoryContextSwitchTo(context);

	info->returnMode = SFRM_Materialize;
	info->setResult = rows.store;
	info->setDesc = rows.descriptor;
	return rows;
}

CastsslRow
castssl_row_begin(TupleDesc descriptor)
{
	CastsslRow row = { .descriptor = descriptor };

	row.values = palloc0(descriptor->natts * sizeof(Datum));
	row.nulls = palloc(descriptor->natts * sizeof(bool));
	memset(row.nulls, true, descriptor->natts * sizeof(bool));
	return row;
}

CastsslRow
castssl_row_single(FunctionCallInfo fcinfo)
{
	TupleDesc descriptor;

	if (get_call_result_type(fcinfo, NULL, &descriptor) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	return castssl_row_begin(BlessTupleDesc(descriptor));
}

Datum
castssl_row_result(const CastsslRow *row)
{
	return HeapTupleGetDatum(heap_form_tuple(row->descriptor, row->values, row->nulls));
}

void
castssl_rows_add(CastsslRows *rows, const CastsslRow *row)
{
	tuplestore_putvalues(rows->store, rows->descriptor, row->values, row->nulls);
}

/* The index of a column; -1 if the catalog has none of that name. */
static int
find_column(CastsslRow *row, const char *name)
{
	int natts = row->descriptor->natts;

	for (int i = 0; i < natts; i++)
	{
		int column = (row->next + i) % natts;

		if (strcmp(NameStr(TupleDescAttr(row->descriptor, column)->attname), name) == 0)
		{
			row->next = column + 1;
			return column;
		}
	}
	return -1;
}

static void
set_column(CastsslRow *row, const char *name, Oid type, Datum value)
{
	int column = find_column(row, name);

	if (column < 0)
		return;
	if (TupleDescAttr(row->descriptor, column)->atttypid != type)
		elog(ERROR, "column %s is not of type %u", name, type);
	row->values[column] = value;
	row->nulls[column] = false;
}

/* Write bytes beyond ASCII as \HH. */
static char *
escape(const char *text)
{
	StringInfoData escaped;

	initStringInfo(&escaped);
	for (; *text; text++)
	{
		if (IS_HIGHBIT_SET(*text))
			appendStringInfo(&escaped, "\\%02X", (unsigned char) *text);
		else
			appendStringInfoChar(&escaped, *text);
	}
	return escaped.data;
}

Datum
castssl_text_datum(const char *text)
{
	return CStringGetTextDatum(castssl_valid_text(text));
}

void
castssl_row_text(CastsslRow *row, const char *column, const char *text)
{
	if (text != NULL)
		set_column(row, column, TEXTOID, castssl_text_datum(text));
}

void
castssl_row_said(CastsslRow *row, const char *column, const char *text)
{
	castssl_row_text(row, column, castssl_schema_named(text));
}

void
castssl_row_name(CastsslRow *row, const char *column, const char *text)
{
	castssl_row_text(row, column,
					 text == NULL || GetDatabaseEncoding() == PG_UTF8 ? text : escape(text));
}

void
castssl_row_bool(CastsslRow *row, const char *column, bool value)
{
	set_column(row, column, BOOLOID, BoolGetDatum(value));
}

void
castssl_row_int(CastsslRow *row, const char *column, int64 value)
{
	int place = find_column(row, column);
	bool is_long = place >= 0 && TupleDescAttr(row->descriptor, place)->atttypid == INT8OID;

	row->next = Max(place, 0);
	set_column(row, column, is_long ? INT8OID : INT4OID,
			   is_long ? Int64GetDatum(value) : Int32GetDatum((int32) value));
}

void
castssl_row_time(CastsslRow *row, const char *column, int64 time)
{
	if (time != 0)
		set_column(row, column, TIMESTAMPTZOID, TimestampTzGetDatum(time));
}

void
castssl_row_unix_time(CastsslRow *row, const char *column, int64 seconds)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;
	const int64 no_end = INT64CONST(253402300799); /* 9999-12-31 23:59:59 */
	TimestampTz time;

	if (seconds >= no_end)
		return;
	if (seconds - epoch < MIN_TIMESTAMP / USECS_PER_SEC)
		time = DT_NOBEGIN;
	else
		time = (seconds - epoch) * USECS_PER_SEC;
	set_column(row, column, TIMESTAMPTZOID, TimestampTzGetDatum(time));
}

void
castssl_row_inet(CastsslRow *row, const char *column, const char *text)
{
	if (text)
		set_column(row, column, INETOID, DirectFunctionCall1(inet_in, CStringGetDatum(text)));
}

void
castssl_row_text_array(CastsslRow *row, const char *column, const char *const *items, int count)
{
	Datum *elements = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = castssl_text_datum(items[i]);
	set_column(row, column, TEXTARRAYOID,
			   PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT)));
}

void
castssl_row_numbers(CastsslRow *row, const char *column, const int *indexes, int count)
{
	Datum *elements = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = Int32GetDatum(indexes[i] + 1);
	set_column(row, column, INT4ARRAYOID,
			   PointerGetDatum(
				   construct_array(elements, count, INT4OID, sizeof(int32), true, TYPALIGN_INT)));
}

void
castssl_rows_add_steps(CastsslRows *rows, const CastsslPlan *plan, bool dry_run)
{
	bool changes = castssl_plan_changes(plan);
	int number = 0;
	ListCell *cell;

	foreach (cell, plan->steps)
	{
		const CastsslStep *step = lfirst(cell);
		CastsslRow row = castssl_row_begin(rows->descriptor);

		castssl_row_int(&row, "step", ++number);
		castssl_row_text(&row, "action", step->action);
		castssl_row_said(&row, "target", step->target);
		castssl_row_text(&row, "result", castssl_step_result(step, changes, dry_run));
		if (step->detail)
			castssl_row_text(&row, "detail",
							 castssl_schema_named(castssl_valid_text(step->detail)));
		castssl_row_text(&row, "code", castssl_code_name(step->code));
		if (plan->change_id != 0)
			castssl_row_int(&row, "change_id", plan->change_id);
		castssl_rows_add(rows, &row);
	}
}

static Datum
inet_from_address(const CastsslIpAddress *address)
{
	inet *result = palloc0(sizeof(inet));

	ip_family(result) = address->family == 6 ? PGSQL_AF_INET6 : PGSQL_AF_INET;
	ip_bits(result) = ip_maxbits(result);
	memcpy(ip_addr(result), address->address, ip_addrsize(result));
	SET_INET_VARSIZE(result);
	return InetPGetDatum(result);
}

static void
set_addresses(CastsslRow *row, const char *column, const CastsslCertificate *certificate)
{
	int count = certificate->nip_addresses;
	Datum *elements = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = inet_from_address(&certificate->ip_addresses[i]);
	set_column(row, column, INETARRAYOID,
			   PointerGetDatum(construct_array(elements, count, INETOID, -1, false, TYPALIGN_INT)));
}

void
castssl_rows_add_certificate(CastsslRows *rows, const char *role, const char *file_name,
							 const CastsslCertificate *certificate)
{
	/* castssl_certificate_info() has the same columns. */
	CastsslRow row = castssl_row_begin(rows->descriptor);

	castssl_row_text(&row, "role", role);
	castssl_row_text(&row, "file_name", file_name);
	castssl_row_int(&row, "position", certificate->position);
	castssl_row_name(&row, "subject", certificate->subject);
	castssl_row_name(&row, "issuer", certificate->issuer);
	castssl_row_text(&row, "serial", certificate->serial);
	castssl_row_unix_time(&row, "not_before", certificate->not_before);
	castssl_row_unix_time(&row, "not_after", certificate->not_after);
	castssl_row_text_array(&row, "dns_names", certificate->dns_names, certificate->ndns_names);
	set_addresses(&row, "ip_addresses", certificate);
	castssl_row_text(&row, "key_algorithm", certificate->key_algorithm);
	castssl_row_text(&row, "signature_algorithm", certificate->signature_algorithm);
	if (certificate->crl == NULL)
	{
		castssl_row_int(&row, "key_bits", certificate->key_bits);
		castssl_row_bool(&row, "is_ca", certificate->is_ca);
		castssl_row_bool(&row, "self_signed", certificate->self_signed);
	}
	castssl_row_text(&row, "fingerprint", certificate->fingerprint);
	castssl_rows_add(rows, &row);
}
