/*
 * preflight.h
 *		Every reason to refuse a plan, before anything is written.
 */
#ifndef CASTSSL_FLOW_APPLY_PREFLIGHT_H
#define CASTSSL_FLOW_APPLY_PREFLIGHT_H

#include "flow/ask/anyway.h"
#include "flow/plan/plan.h"

/*
 * Raise the first reason to refuse.  Warnings become steps.
 *
 * F0000: certificate, key, CA, CRL or pg_hba.conf that the server (or a client) would
 * refuse. 42501: a folder without write permission. 55000: a parameter that cannot be
 * changed; an unconfirmed change; without force, configuration that another program
 * writes; with neither force nor undone_unless_confirmed, a connection like a live session's,
 * the caller's among them, that would be refused afterwards, or would be possible in plaintext
 * alone.  again is for the hint of that, which a
 * dry run has in a step.
 *
 * Sets plan->fingerprint and, by asking the server, plan->reload.
 */
extern void castssl_preflight(CastsslPlan *plan, bool force, bool undone_unless_confirmed,
							  const CastsslAgain *again, bool dry_run);

#endif
