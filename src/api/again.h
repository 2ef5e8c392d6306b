/*
 * again.h
 *		The running call as a statement, so that a hint can say how to call again.
 */
#ifndef CASTSSL_API_AGAIN_H
#define CASTSSL_API_AGAIN_H

#include "fmgr.h"

#include "flow/ask/anyway.h"

/*
 * The same call with confirm_within => '10 min', or with force => true if the function has no such
 * parameter, and without dry_run.  Without a statement where it takes keys or certificates, or
 * where an argument has what must not be pasted.
 */
extern CastsslAgain castssl_again(FunctionCallInfo fcinfo);

#endif
