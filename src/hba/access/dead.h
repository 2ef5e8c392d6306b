/*
 * dead.h
 *		Rules that no connection can reach.
 */
#ifndef CASTSSL_HBA_ACCESS_DEAD_H
#define CASTSSL_HBA_ACCESS_DEAD_H

#include "hba/match/match.h"

/*
 * Rules that no connection can reach.  dead[i] is set for each such rule, and
 * because[i] is then a palloc'd array of nbecause[i] indexes of the earlier
 * rules that together take everything (none when TLS, off, is the reason).
 * The arrays have policy->nrules places.  Never says so of a rule that some
 * connection could reach: what world cannot answer keeps a rule alive, and so
 * does what it answers of membership, which changes without an edit.  A rule with
 * an error is not called dead.
 */
extern void castssl_hba_find_dead(const CastsslHbaPolicy *policy, bool tls,
								  const CastsslHbaWorld *world, bool *dead, int **because,
								  int *nbecause);

#endif
