/*
 * fold.h
 *		Folds many findings into few rows: one row for one cause, and a limit for long lists.
 */
#ifndef CASTSSL_FLOW_CHECK_FOLD_H
#define CASTSSL_FLOW_CHECK_FOLD_H

#include "lib/stringinfo.h"

#include "base/finding.h"

/* Of each check and severity; one more is shown if it is the only one left. */
#define CASTSSL_MOST_ROWS 10

/* Names of places as one subject: "pg_hba.conf:4, 7, 9 and 21 more".  Zero-initialize it. */
typedef struct CastsslPlaces
{
	StringInfoData text;
	int count;
	const char *last; /* the one that was added last */
} CastsslPlaces;

extern void castssl_places_add(CastsslPlaces *places, const char *place);

/* NULL if no place was added.  Palloc'd. */
extern char *castssl_places_text(const CastsslPlaces *places);

/*
 * Fold the findings of one check, which are those from index first on.  Consecutive findings that
 * say the same about lines of one file become one row.  Of each severity the first rows stay, and
 * one row replaces all others.
 */
extern void castssl_check_fold(CastsslFindings *findings, int first);

#endif
