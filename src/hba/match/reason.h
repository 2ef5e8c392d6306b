/*
 * reason.h
 *		Why a rule does not match a connection, as text for a person.
 */
#ifndef CASTSSL_HBA_MATCH_REASON_H
#define CASTSSL_HBA_MATCH_REASON_H

#include "hba/match/match.h"

/*
 * A clause, for example: its users (bob, +staff) do not include "alice". address is the
 * client's as text; NULL for a socket.  Call it only for a rule for which
 * castssl_hba_rule_matches does not answer YES.  If the answer is UNKNOWN, the clause
 * says what is unknown.  Palloc'd.
 */
extern char *castssl_hba_why_not(const CastsslHbaRule *rule, int version,
								 const CastsslConnection *connection, const char *address,
								 const CastsslHbaWorld *world);

#endif
