/*
 * entry.h
 *		How every SQL function begins and ends.
 */
#ifndef CASTSSL_API_ENTRY_H
#define CASTSSL_API_ENTRY_H

#include "fmgr.h"

/*
 * The SQL function name, whose body follows:
 *
 *		CASTSSL_FUNCTION(castssl_example)
 *		{
 *			... fcinfo ...
 *		}
 *
 * The body runs as the function's owner, and castssl_caller() (server/caller.h)
 * is the role that called: the functions are SECURITY INVOKER, so that this is
 * the current user in whatever context SQL runs.  Both are as before afterwards,
 * also after an error.
 */
#define CASTSSL_FUNCTION(name)                                                                     \
	PG_FUNCTION_INFO_V1(name);                                                                     \
	static Datum name##_body(PG_FUNCTION_ARGS);                                                    \
	Datum name(PG_FUNCTION_ARGS)                                                                   \
	{                                                                                              \
		return castssl_enter(fcinfo, name##_body);                                                 \
	}                                                                                              \
	static Datum name##_body(PG_FUNCTION_ARGS)

/*
 * What CASTSSL_FUNCTION does.  25000 in a parallel operation: a worker of it has
 * no connection of its own, and may change nothing.
 */
extern Datum castssl_enter(FunctionCallInfo fcinfo, PGFunction body);

#endif
