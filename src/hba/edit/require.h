/*
 * require.h
 *		The edits that make TLS clients show a certificate, or that block plaintext.
 */
#ifndef CASTSSL_HBA_EDIT_REQUIRE_H
#define CASTSSL_HBA_EDIT_REQUIRE_H

#include "base/finding.h"
#include "hba/edit/edit.h"

/* Only the repairs of clientcert=1, 0 and no-verify. */
extern void castssl_hba_repairs(const CastsslHbaPolicy *policy, CastsslHbaEdits *edits);

/*
 * The edits that make the policy enforce what is wanted (docs/editing.md).  There are none if
 * the policy does so already, so applying them twice is the same as applying them once.
 * Repairs clientcert=1|0|no-verify, in 13 too, where it is valid: so the file survives an
 * upgrade.
 *
 * Adds an error finding, and then the edits are unusable: if a file contains a NUL byte, if
 * auth_method cannot admit TLS clients, if a rule cannot be rewritten, if a wanted address is
 * not an address that the server reads, or if a rule for it would be reachable only above a
 * reject.  Adds a warning if a wanted address has host bits set; it names the range that the
 * address means.
 */
extern void castssl_hba_require(const CastsslHbaPolicy *policy, const CastsslHbaWanted *wanted,
								CastsslHbaEdits *edits, CastsslFindings *findings);

#endif
