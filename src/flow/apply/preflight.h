/*
 * preflight.h
 *		Every reason to refuse a plan, before anything is written.
 */
#ifndef CASTSSL_FLOW_APPLY_PREFLIGHT_H
#define CASTSSL_FLOW_APPLY_PREFLIGHT_H

#include "flow/plan/plan.h"

/*
 * Raise the first reason to refuse.  Warnings become steps.
 *
 * F0000: certificate, key, CA, CRL or pg_hba.conf that the server (or a client) would
 * refuse. 42501: a folder without write permission. 55000: a parameter that cannot be
 * changed; an unconfirmed change; without force, configuration that another program
 * writes; with neither force nor undone_unless_confirmed, a connection like the caller's
 * that would be refused afterwards.
 *
 * Sets plan->fingerprint and, by asking the server, plan->reload.
 */
extern void castssl_preflight(CastsslPlan *plan, bool force, bool undone_unless_confirmed);

#endif
