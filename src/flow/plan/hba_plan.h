/*
 * hba_plan.h
 *		Edits of pg_hba.conf as part of a plan: the only way to edit it.
 */
#ifndef CASTSSL_FLOW_PLAN_HBA_PLAN_H
#define CASTSSL_FLOW_PLAN_HBA_PLAN_H

#include "flow/plan/plan.h"
#include "hba/access/compare.h"
#include "hba/edit/edit.h"

/* Read pg_hba.conf into plan->hba_before, and into hba_after, which is the same at this point. */
extern void castssl_hba_plan_read(CastsslPlan *plan);

/* As above, for edits: F0000 if a file cannot be read, or is not text. */
extern void castssl_hba_plan_read_to_edit(CastsslPlan *plan);

/* The policy with the edits applied. */
extern CastsslHbaPolicy *castssl_hba_plan_render(const CastsslHbaPolicy *policy,
												 const CastsslHbaEdits *edits);

/*
 * The policy with clientcert=1, 0 and no-verify repaired, to compare another one with.  So a
 * repaired line counts as what it says, not as refused before.  The same policy if there is
 * nothing to repair.
 */
extern const CastsslHbaPolicy *castssl_hba_plan_as_meant(const CastsslHbaPolicy *policy);

/* How rows name a file: the main one by its name alone, others by their path. */
extern const char *castssl_hba_plan_file(const CastsslHbaPolicy *policy, int file);

/* The place of the first rule that asks for a client certificate; NULL: none does.  Palloc'd. */
extern char *castssl_hba_plan_asking(const CastsslHbaPolicy *policy);

/* The place of a line as rows name it: "pg_hba.conf:18".  Palloc'd. */
extern char *castssl_hba_plan_place(const CastsslHbaPolicy *policy, int file, int line_number);

/* Apply edits of plan->hba_after to it.  Adds a step for each edited line. */
extern void castssl_hba_plan_edit(CastsslPlan *plan, const CastsslHbaEdits *edits);

/*
 * Apply the edits of castssl_hba_require: first repairs and derived rules (hba_derived),
 * then the addresses.  Raises 22023 for an impossible address.
 */
extern void castssl_hba_plan_require(CastsslPlan *plan, const CastsslHbaWanted *wanted);

/*
 * Add the files in which hba_after differs to the plan.  If there is none, add a step
 * that says that nothing changes.
 */
extern void castssl_hba_plan_finish(CastsslPlan *plan);

/*
 * Add steps for the lines in which hba_after differs from the live files, if nothing
 * else reports them.
 */
extern void castssl_hba_plan_show(CastsslPlan *plan);

/*
 * A live file as it is now, even if hba_before does not read it.  F0000 if it is not
 * text: such a file is never rewritten.
 */
extern const CastsslHbaDocument *castssl_hba_plan_live(const CastsslHbaPolicy *live,
													   const char *path);

/* The live file, if the same file of another policy differs from it; else NULL. */
extern const CastsslHbaDocument *castssl_hba_plan_differs(const CastsslHbaPolicy *live,
														  const CastsslHbaDocument *after);

/*
 * Leave out differences for GSSAPI encryption if this server cannot have any, and differences
 * that read like an earlier one.
 */
extern void castssl_hba_plan_tidy(CastsslHbaDifferences *differences);

/* Is it one of the files of pg_hba.conf?  Links are resolved. */
extern bool castssl_hba_plan_is_file(const CastsslPlan *plan, const char *path);

/*
 * Does the plan change a rule for clients that come by TCP, or the order of such rules?
 * over_tls: only for clients over TLS.
 */
extern bool castssl_hba_plan_touches_tcp(const CastsslPlan *plan, bool over_tls);

/* Set hba_after to the policy that the planned files make. */
extern void castssl_hba_plan_from_files(CastsslPlan *plan);

#endif
