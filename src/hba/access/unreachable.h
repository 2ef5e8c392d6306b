/*
 * unreachable.h
 *		Rules that no connection can reach, and the rules that block them.
 */
#ifndef CASTSSL_HBA_ACCESS_UNREACHABLE_H
#define CASTSSL_HBA_ACCESS_UNREACHABLE_H

#include "hba/match/match.h"

/*
 * Rules that no connection can reach.  unreachable[i] is set for each such rule,
 * and blocking[i] is then a palloc'd array of nblocking[i] indexes of earlier
 * rules, ascending, that together take everything: those that answer instead, as
 * few as do (none when TLS, off, is the reason).  The arrays have policy->nrules
 * places.  Never says so of a rule that some connection could reach: what world
 * cannot answer keeps a rule reachable, and so does what it answers of membership,
 * which changes without an edit.  A rule with an error is not called unreachable.
 */
extern void castssl_hba_find_unreachable(const CastsslHbaPolicy *policy, bool tls,
										 const CastsslHbaWorld *world, bool *unreachable,
										 int **blocking, int *nblocking);

/* The same for one rule, in less time. */
extern bool castssl_hba_is_unreachable(const CastsslHbaPolicy *policy, int rule, bool tls,
									   const CastsslHbaWorld *world, int **blocking,
									   int *nblocking);

#endif
