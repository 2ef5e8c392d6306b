/*
 * place.h
 *		Where a new rule for an address takes effect, and what it says.
 */
#ifndef CASTSSL_HBA_EDIT_PLACE_H
#define CASTSSL_HBA_EDIT_PLACE_H

#include "base/finding.h"
#include "hba/edit/edit.h"

typedef struct CastsslHbaPlace
{
	int before_rule; /* index in policy->rules; nrules: at the end */
	int file;
	int record; /* to be inserted before it; nrecords: at the end */
	int line_number;
	const char *line; /* with our mark */
	const char *why;
} CastsslHbaPlace;

/* In the order of the rules, and in the order to be inserted where there are several. */
typedef struct CastsslHbaPlaced
{
	CastsslHbaPlace *items;
	int count;
} CastsslHbaPlaced;

/*
 * A rule "hostssl all all ADDRESS ..." for each wanted address that has none:
 * as late as it can stand without being dead.  rules are those of the policy as
 * they will be after the other edits.  Findings as castssl_hba_require says.
 */
extern CastsslHbaPlaced castssl_hba_place_addresses(const CastsslHbaPolicy *policy,
													const CastsslHbaRule *rules,
													const CastsslHbaWanted *wanted,
													CastsslFindings *findings);

#endif
