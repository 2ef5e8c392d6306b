/*
 * fallback.h
 *		Compares how a policy answers clients with one encryption, and how another policy
 *		answers the same clients with another one: who comes back in plaintext.
 */
#ifndef CASTSSL_FLOW_ASK_FALLBACK_H
#define CASTSSL_FLOW_ASK_FALLBACK_H

#include "hba/access/compare.h"

/*
 * Add the differences between how before answers clients with encryption by, and how after
 * answers the same clients with encryption then.  Rows are like those of castssl_hba_compare;
 * their encryption, and that of the witness, is by.  Both policies may be the same.
 */
extern void castssl_hba_compare_encryptions(const CastsslHbaPolicy *before, CastsslEncryption by,
											const CastsslHbaPolicy *after, CastsslEncryption then,
											const CastsslHbaWorld *world,
											CastsslHbaDifferences *differences);

/*
 * The number of rules that ask for a certificate over TLS, although some of the clients that they
 * answer are admitted in plaintext without one.  *first (may be NULL) is the index of the first
 * of them.
 */
extern int castssl_hba_count_fallbacks(const CastsslHbaPolicy *policy, const CastsslHbaWorld *world,
									   int *first);

/*
 * differences are those of castssl_hba_compare for these two policies, with TLS on.  Adds a row
 * CASTSSL_HBA_MAY_FALL_BACK for clients that before admits over TLS without a certificate, that
 * after refuses there or asks for one, and that after admits in plaintext: after_rule is the rule
 * that does.  A row is certain if its witness is such a client.  The rows stay sorted.
 */
extern void castssl_hba_add_fallbacks(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after,
									  const CastsslHbaWorld *world,
									  CastsslHbaDifferences *differences);

#endif
