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

/* Add a row; values and nulls have as many members as the function has columns. */
extern void castssl_rows_add(CastsslRows *rows, const Datum *values, const bool *nulls);

/* Set one column from a C string; NULL if that is NULL. */
extern void castssl_set_text(Datum *values, bool *nulls, int column, const char *text);

/*
 * Set one column from a UTF-8 text of a certificate.  In a database with another
 * encoding, characters outside of ASCII are escaped as in RFC 2253 section 2.4,
 * "\C3\A9".
 */
extern void castssl_set_name(Datum *values, bool *nulls, int column, const char *text);

/* Set one column to a time; NULL if it is 0. */
extern void castssl_set_time(Datum *values, bool *nulls, int column, int64 time);

/* Seconds since 1970 as a timestamptz datum; infinity beyond the range of the type. */
extern Datum castssl_time_from_unix(int64 seconds);

/* Set one column to a text[] of C strings; an empty array if there are none. */
extern void castssl_set_text_array(Datum *values, bool *nulls, int column, const char *const *items,
								   int count);

/* Indexes that count from 0 as an int[] of numbers that count from 1. */
extern Datum castssl_int_array(const int *indexes, int count);

/* The rows of a change: step, action, target, result, detail. */
extern void castssl_rows_add_steps(CastsslRows *rows, const CastsslPlan *plan, bool dry_run);

/* One row of castssl_certificates(): role and file_name are NULL for castssl_certificate_info(). */
extern void castssl_rows_add_certificate(CastsslRows *rows, const char *role, const char *file_name,
										 const CastsslCertificate *certificate);

#endif
