/*
 * guard.h
 *		Nobody is cut off, or loses encryption, by accident.
 */
#ifndef CASTSSL_FLOW_ASK_GUARD_H
#define CASTSSL_FLOW_ASK_GUARD_H

#include "flow/ask/anyway.h"
#include "flow/ask/impact.h"

/*
 * 55000 castssl_would_cut_off in three cases: somebody loses; staged edits would let nobody in by
 * TCP any more; or the caller has no connection of its own, and the plan may change ways in.  The
 * DETAIL names up to five of the losers and counts the others.  A dry run gets a warning step
 * instead in the first two cases.  Call it only if the plan is neither forced nor undone unless
 * confirmed.
 */
extern void castssl_guard_check(CastsslPlan *plan, const CastsslLosses *losses,
								const CastsslAgain *again, bool dry_run);

/*
 * Up to five clients, one line each, with those that are alike in one line, and how many more
 * there are.
 */
extern char *castssl_guard_detail(const CastsslLosses *losses);

#endif
