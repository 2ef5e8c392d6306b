/*
 * plaintext.h
 *		Who comes back in plaintext when TLS asks for a certificate, and who has nothing but
 *		plaintext.
 */
#ifndef CASTSSL_FLOW_ASK_PLAINTEXT_H
#define CASTSSL_FLOW_ASK_PLAINTEXT_H

#include "flow/plan/plan.h"

/*
 * For a plan that sets pg_hba.conf (castssl_enable, castssl_hba_apply), whether it changes
 * anything or not: add a warning step if rules ask for a certificate over TLS while plaintext
 * stays open to the same clients.  Add another one for each hostnossl line that is removed and
 * leaves clients without a line for TLS.
 */
extern void castssl_plaintext_warn(CastsslPlan *plan);

#endif
