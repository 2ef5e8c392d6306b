/*
 * preflight.h
 *		Every reason to refuse a plan, before anything is written.
 */
#ifndef CASTSSL_FLOW_APPLY_PREFLIGHT_H
#define CASTSSL_FLOW_APPLY_PREFLIGHT_H

#include "flow/plan/plan.h"

/*
 * Raise the first reason to refuse; what is worth a warning becomes a step.
 * F0000: certificate, key, CA, CRL or pg_hba.conf that the server (or a client)
 * would refuse.  42501: a folder that cannot be written to.  55000: a parameter
 * that cannot be changed; an unconfirmed change; configuration that another program
 * writes, without force; a connection like the caller's would be refused afterwards,
 * with neither force nor undone_unless_confirmed.
 * Fills in plan->fingerprint and, by asking the server, reload.
 */
extern void castssl_preflight(CastsslPlan *plan, bool force, bool undone_unless_confirmed);

#endif
