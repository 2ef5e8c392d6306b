/*
 * place.h
 *		The place where a new rule for an address takes effect, and its text.
 */
#ifndef CASTSSL_HBA_EDIT_PLACE_H
#define CASTSSL_HBA_EDIT_PLACE_H

#include "base/finding.h"
#include "hba/edit/edit.h"

typedef struct CastsslHbaPlace
{
	int before_rule; /* index in policy->rules; nrules: at the end */
	int file;
	int record; /* insert before this record; nrecords: at the end */
	int line_number;
	const char *line; /* the new line with our mark, without a line end */
	const char *why;
} CastsslHbaPlace;

/* Sorted by the order of the rules.  Insert several at one place in this order. */
typedef struct CastsslHbaPlaced
{
	CastsslHbaPlace *items;
	int count;
} CastsslHbaPlaced;

/*
 * A rule "hostssl all all ADDRESS ..." for each wanted address that has none, at the last
 * place where it is reachable. rules are those of the policy after the other edits.  Palloc'd.
 * Findings as for castssl_hba_require.
 */
extern CastsslHbaPlaced castssl_hba_place_addresses(const CastsslHbaPolicy *policy,
													const CastsslHbaRule *rules,
													const CastsslHbaWanted *wanted,
													CastsslFindings *findings);

#endif
