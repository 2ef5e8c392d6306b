/*
 * guard.h
 *		Nobody is cut off, or loses encryption, by accident.
 */
#ifndef CASTSSL_FLOW_ASK_GUARD_H
#define CASTSSL_FLOW_ASK_GUARD_H

#include "flow/ask/anyway.h"
#include "flow/ask/impact.h"

/*
 * 55000 castssl_would_cut_off if there is anybody who loses, if staged edits would let nobody in by
 * TCP any more, or if it cannot be known whether the caller loses, who has no connection: unless
 * the plan leaves everybody's way in as it is.  The DETAIL names five of them and counts the
 * others.  A dry run gets a warning step about it instead.  Call it only where the plan is neither
 * forced nor undone unless confirmed.
 */
extern void castssl_guard_check(CastsslPlan *plan, const CastsslLosses *losses,
								const CastsslAgain *again, bool dry_run);

/* Up to five clients, a line each, those that are alike once, and how many more there are. */
extern char *castssl_guard_detail(const CastsslLosses *losses);

#endif
