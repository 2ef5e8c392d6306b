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
 * One row, filled by the names of its columns.  A column that is not set is NULL.  A column that
 * the catalog lacks, because its SQL definitions are older than the library, is ignored.
 */
typedef struct CastsslRow
{
	TupleDesc descriptor;
	Datum *values;
	bool *nulls;
	int next; /* where to look first: columns are usually set in their order */
} CastsslRow;

extern CastsslRow castssl_row_begin(TupleDesc descriptor);

/* Begin the row of a function that returns exactly one, and finish it as the function's result. */
extern CastsslRow castssl_row_single(FunctionCallInfo fcinfo);
extern Datum castssl_row_result(const CastsslRow *row);

extern void castssl_rows_add(CastsslRows *rows, const CastsslRow *row);

/* A value of type text, with bytes that are not valid in the database's encoding as \HH. */
extern Datum castssl_text_datum(const char *text);

/* Set a column of type text to that value, or leave it NULL if text is NULL. */
extern void castssl_row_text(CastsslRow *row, const char *column, const char *text);

/* The same for a text with statements for the caller: names the schema of our functions in it. */
extern void castssl_row_said(CastsslRow *row, const char *column, const char *text);

/*
 * The same for a UTF-8 text of a certificate.  If the database's encoding is not UTF-8, bytes
 * beyond ASCII are escaped as in RFC 2253, section 2.4: "\C3\A9".
 */
extern void castssl_row_name(CastsslRow *row, const char *column, const char *text);

extern void castssl_row_bool(CastsslRow *row, const char *column, bool value);

/* integer or bigint */
extern void castssl_row_int(CastsslRow *row, const char *column, int64 value);

/* timestamptz; NULL if time is 0 */
extern void castssl_row_time(CastsslRow *row, const char *column, int64 time);

/*
 * timestamptz from seconds since 1970.  NULL from 9999-12-31 23:59:59 on, which means no end (RFC
 * 5280, 4.1.2.5); -infinity before the range of timestamptz.
 */
extern void castssl_row_unix_time(CastsslRow *row, const char *column, int64 seconds);

/* inet from its text; NULL if text is NULL */
extern void castssl_row_inet(CastsslRow *row, const char *column, const char *text);

/* text[]; an empty array if count is 0 */
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
