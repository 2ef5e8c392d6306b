/*
 * unreachable.h
 *		Rules that no connection can reach, and the rules that block them.
 */
#ifndef CASTSSL_HBA_ACCESS_UNREACHABLE_H
#define CASTSSL_HBA_ACCESS_UNREACHABLE_H

#include "hba/match/match.h"

/*
 * Find the rules that no connection can reach.  The arrays have policy->nrules elements.
 * unreachable[i] is set to whether no connection can reach rule i.  Then blocking[i] is a
 * palloc'd array of nblocking[i] indexes, ascending: the earlier rules that answer instead, only
 * as many as are needed (none if the reason is that TLS is off: tls is false).
 *
 * A rule that some connection can reach is never called unreachable.  A rule stays reachable
 * if that depends on what world cannot answer, or on membership of groups, which changes
 * without an edit.  A rule with an error is not called unreachable.
 */
extern void castssl_hba_find_unreachable(const CastsslHbaPolicy *policy, bool tls,
										 const CastsslHbaWorld *world, bool *unreachable,
										 int **blocking, int *nblocking);

/* The same for one rule, in less time. */
extern bool castssl_hba_is_unreachable(const CastsslHbaPolicy *policy, int rule, bool tls,
									   const CastsslHbaWorld *world, int **blocking,
									   int *nblocking);

#endif
