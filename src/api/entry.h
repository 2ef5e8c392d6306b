/*
 * entry.h
 *		The beginning and the end of every SQL function.
 */
#ifndef CASTSSL_API_ENTRY_H
#define CASTSSL_API_ENTRY_H

#include "fmgr.h"

#include "base/compat.h"

/*
 * Define the SQL function name; its body follows:
 *
 * 		CASTSSL_FUNCTION(castssl_example)
 * 		{
 * 			... fcinfo ...
 * 		}
 *
 * The body runs as the function's owner, and castssl_caller() (server/process/caller.h) is the
 * role that called.  The functions are SECURITY INVOKER, so in every context in which
 * SQL runs, the caller is the current user.  Both are restored afterwards, also after an
 * error.
 */
#define CASTSSL_FUNCTION(name)                                                                     \
	extern PGDLLEXPORT Datum name(PG_FUNCTION_ARGS);                                               \
	PG_FUNCTION_INFO_V1(name);                                                                     \
	static Datum name##_body(PG_FUNCTION_ARGS);                                                    \
	Datum name(PG_FUNCTION_ARGS)                                                                   \
	{                                                                                              \
		return castssl_enter(fcinfo, name##_body);                                                 \
	}                                                                                              \
	static Datum name##_body(PG_FUNCTION_ARGS)

/*
 * The code behind CASTSSL_FUNCTION. 25000 in a parallel operation: a parallel worker has no
 * client connection, and may not change anything.
 */
extern Datum castssl_enter(FunctionCallInfo fcinfo, PGFunction body);

#endif
