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
 * F0000: the server (or a client) would refuse the certificate, key, CA, CRL or pg_hba.conf.
 * 42501: a folder without write permission. 55000: a parameter that cannot be changed; an
 * unconfirmed change; without force, configuration that another program writes; with neither
 * force nor undone_unless_confirmed, a connection like a live session's (also the caller's) that
 * would be refused afterwards, or would be possible only in plaintext.  again is for the hint of
 * the last one; a dry run adds a step instead.
 *
 * Sets plan->fingerprint and, by asking the server, plan->reload.
 */
extern void castssl_preflight(CastsslPlan *plan, bool force, bool undone_unless_confirmed,
							  const CastsslAgain *again, bool dry_run);

#endif
