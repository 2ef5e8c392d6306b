/*
 * prove.h
 *		The proof, after a reload, that clients get what a plan wanted.
 */
#ifndef CASTSSL_FLOW_APPLY_PROVE_H
#define CASTSSL_FLOW_APPLY_PROVE_H

#include "flow/plan/plan.h"

/*
 * Handshake with the server's own port until the certificate of the plan is
 * served (or, with TLS off afterwards, none), and compare how the server answers
 * a login over TLS and in plaintext, without password and certificate, with
 * what pg_hba.conf lets expect.  Completes the steps "verify".  Returns NULL, or
 * what is not as wanted within castssl.verify_timeout (palloc'd).  Interrupts may
 * be held off: a query cancel or termination request ends it too.
 */
extern char *castssl_prove(CastsslPlan *plan);

/*
 * The proof, after undoing, that the server serves what the files and parameters
 * say that were put back.  NULL, or what is wrong.
 */
extern char *castssl_prove_restored(void);

/* Add the steps of the proof. */
extern void castssl_prove_add_steps(CastsslPlan *plan);

#endif
