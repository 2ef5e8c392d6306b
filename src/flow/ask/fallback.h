/*
 * fallback.h
 *		What one policy does with clients by one encryption, and another policy with the same
 *		clients by another one: who comes back in plaintext.
 */
#ifndef CASTSSL_FLOW_ASK_FALLBACK_H
#define CASTSSL_FLOW_ASK_FALLBACK_H

#include "hba/access/compare.h"

/*
 * Add the differences between how before answers clients that come by the one encryption and how
 * after answers the same clients by the other one.  Rows are as those of castssl_hba_compare;
 * encryption, and that of the witness, is the one of before.  Both policies may be the same.
 */
extern void castssl_hba_compare_encryptions(const CastsslHbaPolicy *before, CastsslEncryption by,
											const CastsslHbaPolicy *after, CastsslEncryption then,
											const CastsslHbaWorld *world,
											CastsslHbaDifferences *differences);

/*
 * How many rules ask for a certificate over TLS, while some of the clients that they answer come
 * in in plaintext without one.  *first (may be NULL) is the index of the first of them.
 */
extern int castssl_hba_count_fallbacks(const CastsslHbaPolicy *policy, const CastsslHbaWorld *world,
									   int *first);

/*
 * differences are those of castssl_hba_compare for these two policies, with TLS on.  Add a row
 * CASTSSL_HBA_MAY_FALL_BACK for clients that come in over TLS without a certificate before, that
 * are refused there or asked for one after, and that after admits in plaintext: after_rule is
 * that rule.  Certain is a row whose witness is such a client.  Keeps the order.
 */
extern void castssl_hba_add_fallbacks(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after,
									  const CastsslHbaWorld *world,
									  CastsslHbaDifferences *differences);

#endif
