/*
 * overlap.h
 *		Which rules of one policy can share a connection with a rule of another.
 *
 * Two filters, of which the cheaper one is used.  By order: if x is covered by a
 * rule before y in y's policy, no connection has x as the first match in the one
 * and y in the other.  By content: users, databases or addresses do not meet.
 * Where two policies are alike, the first leaves next to nothing; where they are
 * not, the second does for all but broad rules.
 */
#ifndef CASTSSL_HBA_ACCESS_OVERLAP_H
#define CASTSSL_HBA_ACCESS_OVERLAP_H

#include "hba/access/index.h"

typedef struct CastsslHbaOverlap CastsslHbaOverlap;

/*
 * For the rules of index.  covers[x] is the position in the other policy of a
 * rule that covers x (castssl_hba_index_cover); both are kept.
 */
extern CastsslHbaOverlap *castssl_hba_overlap_create(const CastsslHbaIndex *index,
													 const int *covers);

/*
 * Set candidates to the positions x <= last with covers[x] >= position whose boxes may
 * meet box: all that do, ascending, and perhaps some that do not.
 */
extern void castssl_hba_overlap_find(CastsslHbaOverlap *overlap, const CastsslHbaBox *box,
									 int position, int last, CastsslInts *candidates);

extern void castssl_hba_overlap_free(CastsslHbaOverlap *overlap);

#endif
