/*
 * prove.h
 *		Proves after a reload that clients get what a plan wanted.
 */
#ifndef CASTSSL_FLOW_APPLY_PROVE_H
#define CASTSSL_FLOW_APPLY_PROVE_H

#include "flow/plan/plan.h"

/*
 * Connect to the server's own port by TLS until it serves the certificate of the plan (or, if TLS
 * is off after the plan, none).  Then log in over TLS and in plaintext, without password and
 * certificate, and compare the answers with what pg_hba.conf demands.  An answer that proves
 * nothing (no free connection slot, no answer in time) makes the step about pg_hba.conf a warning
 * with the reason.  Returns NULL, or what is still wrong after castssl.verify_timeout (palloc'd).
 * While interrupts are held off, a query cancel or termination request also ends it.
 */
extern char *castssl_prove(CastsslPlan *plan);

/*
 * Read pg_hba.conf, with its includes and lists, from the disk again after the plan is written,
 * and compare it with the plan: the server must load nothing else.  Returns NULL, or what
 * differs.
 */
extern char *castssl_prove_hba_files(const CastsslPlan *plan);

/*
 * Prove after undoing that the server serves what the restored files and parameters
 * say.  Returns NULL, or what is wrong.
 */
extern char *castssl_prove_restored(void);

/* Add the steps of the proof. */
extern void castssl_prove_add_steps(CastsslPlan *plan);

#endif
