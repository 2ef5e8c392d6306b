/*
 * guard.h
 *		Nobody is cut off, or loses encryption, by accident.
 */
#ifndef CASTSSL_FLOW_ASK_GUARD_H
#define CASTSSL_FLOW_ASK_GUARD_H

#include "flow/ask/impact.h"

/* How to call again so that the guard lets the plan through. */
typedef struct CastsslAgain
{
	bool can_wait;         /* the function takes confirm_within */
	const char *statement; /* with confirm_within or, without can_wait, force; NULL: unknown */
} CastsslAgain;

/*
 * 55000 castssl_would_cut_off if there is anybody who loses, or if it cannot be known whether the
 * caller does.  The DETAIL names five of them and counts the others.  A dry run gets a warning
 * step about it instead.  Call it only where the plan is neither forced nor undone unless
 * confirmed.
 */
extern void castssl_guard_check(CastsslPlan *plan, const CastsslLosses *losses,
								const CastsslAgain *again, bool dry_run);

#endif
