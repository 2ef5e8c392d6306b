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

void
castssl_rows_add(CastsslRows *rows, const Datum *values, const bool *nulls)
{
	tuplestore_putvalues(rows->store, rows->descriptor, (Datum *) values, (bool *) nulls);
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

void
castssl_set_text(Datum *values, bool *nulls, int column, const char *text)
{
	nulls[column] = (text == NULL);
	if (text)
		/* A file may have any name, and names in a certificate are UTF-8. */
		values[column] =
			CStringGetTextDatum(pg_verifymbstr(text, strlen(text), true) ? text : escape(text));
}

void
castssl_set_name(Datum *values, bool *nulls, int column, const char *text)
{
	castssl_set_text(values, nulls, column,
					 text == NULL || GetDatabaseEncoding() == PG_UTF8 ? text : escape(text));
}

void
castssl_set_time(Datum *values, bool *nulls, int column, int64 time)
{
	nulls[column] = (time == 0);
	values[column] = TimestampTzGetDatum(time);
}

void
castssl_set_text_array(Datum *values, bool *nulls, int column, const char *const *items, int count)
{
	Datum *elements = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = CStringGetTextDatum(items[i]);
	nulls[column] = false;
	values[column] =
		PointerGetDatum(construct_array(elements, count, TEXTOID, -1, false, TYPALIGN_INT));
}

Datum
castssl_int_array(const int *indexes, int count)
{
	Datum *elements = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = Int32GetDatum(indexes[i] + 1);
	return PointerGetDatum(
		construct_array(elements, count, INT4OID, sizeof(int32), true, TYPALIGN_INT));
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
		Datum values[5] = { Int32GetDatum(++number) };
		bool nulls[5] = { false };

		castssl_set_text(values, nulls, 1, step->action);
		castssl_set_text(values, nulls, 2, step->target);
		castssl_set_text(values, nulls, 3, castssl_step_result(step, changes, dry_run));
		castssl_set_text(values, nulls, 4, step->detail);
		castssl_rows_add(rows, values, nulls);
	}
}

Datum
castssl_time_from_unix(int64 seconds)
{
	const int64 epoch = (int64) (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY;

	if (seconds >= END_TIMESTAMP / USECS_PER_SEC)
		return TimestampTzGetDatum(DT_NOEND);
	if (seconds - epoch < MIN_TIMESTAMP / USECS_PER_SEC)
		return TimestampTzGetDatum(DT_NOBEGIN);
	return TimestampTzGetDatum((seconds - epoch) * USECS_PER_SEC);
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
set_inet_array(Datum *values, int column, const CastsslCertificate *certificate)
{
	int count = certificate->nip_addresses;
	Datum *elements = palloc(Max(count, 1) * sizeof(Datum));

	for (int i = 0; i < count; i++)
		elements[i] = inet_from_address(&certificate->ip_addresses[i]);
	values[column] =
		PointerGetDatum(construct_array(elements, count, INETOID, -1, false, TYPALIGN_INT));
}

void
castssl_rows_add_certificate(CastsslRows *rows, const char *role, const char *file_name,
							 const CastsslCertificate *certificate)
{
	/* castssl_certificate_info() has the same columns. */
	Datum values[16] = { 0 };
	bool nulls[16] = { false };

	castssl_set_text(values, nulls, 0, role);
	castssl_set_text(values, nulls, 1, file_name);
	values[2] = Int32GetDatum(certificate->position);
	castssl_set_name(values, nulls, 3, certificate->subject);
	castssl_set_name(values, nulls, 4, certificate->issuer);
	castssl_set_text(values, nulls, 5, certificate->serial);
	values[6] = castssl_time_from_unix(certificate->not_before);
	values[7] = castssl_time_from_unix(certificate->not_after);
	castssl_set_text_array(values, nulls, 8, certificate->dns_names, certificate->ndns_names);
	set_inet_array(values, 9, certificate);
	castssl_set_text(values, nulls, 10, certificate->key_algorithm);
	values[11] = Int32GetDatum(certificate->key_bits);
	nulls[11] = (certificate->crl != NULL);
	castssl_set_text(values, nulls, 12, certificate->signature_algorithm);
	values[13] = BoolGetDatum(certificate->is_ca);
	values[14] = BoolGetDatum(certificate->self_signed);
	nulls[13] = nulls[14] = (certificate->crl != NULL);
	castssl_set_text(values, nulls, 15, certificate->fingerprint);
	castssl_rows_add(rows, values, nulls);
}
