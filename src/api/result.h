/*
 * result.h
 *		Rows for the caller.
 */
#ifndef CASTSSL_API_RESULT_H
#define CASTSSL_API_RESULT_H

#include "fmgr.h"
#include "nodes/pg_list.h"
#include "utils/tuplestore.h"

#include "flow/plan/plan.h"
#include "tls/certificate.h"

/* A set of rows that a function returns as a whole. */
typedef struct CastsslRows
{
	Tuplestorestate *store;
	TupleDesc descriptor;
} CastsslRows;

/* Begin the result of a set-returning function (materialize mode). */
extern CastsslRows castssl_rows_begin(FunctionCallInfo fcinfo);

/*
 * One row, filled by the names of its columns.  A column that is not set is NULL;
 * one that this catalog does not have, for it is of an older version than the
 * library, is left out.
 */
typedef struct CastsslRow
{
	TupleDesc descriptor;
	Datum *values;
	bool *nulls;
	int next; /* columns are set in their order, nearly always */
} CastsslRow;

extern CastsslRow castssl_row_begin(TupleDesc descriptor);

/* Begin the only row of a function that returns one; and what that function returns. */
extern CastsslRow castssl_row_single(FunctionCallInfo fcinfo);
extern Datum castssl_row_result(const CastsslRow *row);

extern void castssl_rows_add(CastsslRows *rows, const CastsslRow *row);

/* A value of type text, with bytes that are not valid in the database's encoding as \HH. */
extern Datum castssl_text_datum(const char *text);

/* Set a column of type text to that; NULL where text is. */
extern void castssl_row_text(CastsslRow *row, const char *column, const char *text);

/* The same with words for the caller, in which the schema of our functions is named. */
extern void castssl_row_said(CastsslRow *row, const char *column, const char *text);

/*
 * The same with a UTF-8 text of a certificate.  In a database of another encoding
 * what is not ASCII is escaped as RFC 2253 section 2.4 has it, "\C3\A9".
 */
extern void castssl_row_name(CastsslRow *row, const char *column, const char *text);

extern void castssl_row_bool(CastsslRow *row, const char *column, bool value);

/* integer or bigint */
extern void castssl_row_int(CastsslRow *row, const char *column, int64 value);

/* timestamptz; NULL where time is 0 */
extern void castssl_row_time(CastsslRow *row, const char *column, int64 time);

/*
 * timestamptz from seconds since 1970; NULL for the time without an end (RFC 5280, 4.1.2.5) and
 * behind it, -infinity before its range
 */
extern void castssl_row_unix_time(CastsslRow *row, const char *column, int64 seconds);

/* inet from its text; NULL where text is */
extern void castssl_row_inet(CastsslRow *row, const char *column, const char *text);

/* text[]; an empty array where there are none */
extern void castssl_row_text_array(CastsslRow *row, const char *column, const char *const *items,
								   int count);

/* integer[]: indexes counted from 0, shown as numbers counted from 1 */
extern void castssl_row_numbers(CastsslRow *row, const char *column, const int *indexes, int count);

/* The rows of a change: step, action, target, result, detail, code, change_id. */
extern void castssl_rows_add_steps(CastsslRows *rows, const CastsslPlan *plan, bool dry_run);

/* One row of castssl_certificates(): role and file_name are NULL for castssl_certificate_info(). */
extern void castssl_rows_add_certificate(CastsslRows *rows, const char *role, const char *file_name,
										 const CastsslCertificate *certificate);

#endif
