/*
 * twins.h
 *		A rule and its twin: the hostssl rule with the same fields directly above it.
 *
 * Only comments, and hostgssenc lines for the same clients, may be in between.
 * castssl_hba_undo enables a line that we disabled only below its twin.
 */
#ifndef CASTSSL_HBA_EDIT_TWINS_H
#define CASTSSL_HBA_EDIT_TWINS_H

#include "hba/text/rule.h"

/* The valid rules of a file by their records; NULL for a record without one.  Palloc'd. */
extern const CastsslHbaRule **castssl_hba_rules_by_record(const CastsslHbaPolicy *policy, int file);

/*
 * The valid rule of that type, hostssl or hostgssenc, with the same databases, users and address
 * as rule directly above the record; NULL: there is none.  Only comments, and rules of these two
 * types with the same fields, may be in between: no connection matches both types.  rules: of the
 * file by its records, NULL for a record without one.
 */
extern const CastsslHbaRule *castssl_hba_rule_above(const CastsslHbaDocument *document,
													const CastsslHbaRule **rules, int record,
													const CastsslHbaRule *rule,
													CastsslHbaType type);

/*
 * The twin of a rule that also admits plaintext; NULL: it has none.  It need not have our mark:
 * castssl_hba_require writes no twin if the file has such a rule already.
 */
extern const CastsslHbaRule *castssl_hba_twin(const CastsslHbaPolicy *policy,
											  const CastsslHbaRule *rule);

/*
 * May the line that we disabled, in this record, be enabled where it is?  A hostnossl line has no
 * twin, and one that is not a valid rule admits nobody.
 */
extern bool castssl_hba_is_in_place(const CastsslHbaDocument *document,
									const CastsslHbaRule **rules, int record);

/*
 * The records of the lines that we disabled and that only the hostssl line in this record, which
 * we wrote, allows to enable.  *shared: a hostgssenc line that we wrote for the same clients
 * stands between.  Palloc'd.
 */
extern int *castssl_hba_disabled_below(const CastsslHbaPolicy *policy, int file, int record,
									   int *count, bool *shared);

#endif
