/*
 * require.h
 *		The edits that have TLS clients show a certificate, or that block plaintext.
 */
#ifndef CASTSSL_HBA_EDIT_REQUIRE_H
#define CASTSSL_HBA_EDIT_REQUIRE_H

#include "base/finding.h"
#include "hba/edit/edit.h"

/*
 * The edits that make policy ask what is wanted (README, "How pg_hba.conf is edited").  Adds none
 * where the policy does so already (so applying them twice is applying them
 * once).  Repairs clientcert=1|0|no-verify where policy->version is 14 or later
 * (and clientcert=1, as verify-ca, nowhere else: in 13 it is valid and means that).
 *
 * Adds an error finding, and the edits are then of no use, where: a wanted
 * address is no address that the server reads, or there is no place where a rule
 * for it could be reached without overtaking a reject.
 * A warning: a wanted address with host bits set (names the range that it means).
 */
extern void castssl_hba_require(const CastsslHbaPolicy *policy, const CastsslHbaWanted *wanted,
								CastsslHbaEdits *edits, CastsslFindings *findings);

#endif
