/*
 * again.h
 *		The running call as a statement, so that a hint can say how to call again.
 */
#ifndef CASTSSL_API_AGAIN_H
#define CASTSSL_API_AGAIN_H

#include "fmgr.h"

#include "flow/ask/anyway.h"

/*
 * The same call without dry_run, and with confirm_within => '10 min', or with force => true if
 * the function has no parameter confirm_within.  It has no statement if the function takes keys
 * or certificates, or if an argument cannot be pasted safely.
 */
extern CastsslAgain castssl_again(FunctionCallInfo fcinfo);

#endif
