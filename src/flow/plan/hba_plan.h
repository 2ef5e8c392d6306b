/*
 * hba_plan.h
 *		Edits of pg_hba.conf as part of a plan: the one way to edit it.
 */
#ifndef CASTSSL_FLOW_PLAN_HBA_PLAN_H
#define CASTSSL_FLOW_PLAN_HBA_PLAN_H

#include "flow/plan/plan.h"
#include "hba/edit/edit.h"

/* Read pg_hba.conf into plan->hba_before (and hba_after, the same for now). */
extern void castssl_hba_plan_read(CastsslPlan *plan);

/* The same for edits: F0000 where the file cannot be read, or is no text. */
extern void castssl_hba_plan_read_to_edit(CastsslPlan *plan);

/* The policy as it would read with the edits in it. */
extern CastsslHbaPolicy *castssl_hba_plan_render(const CastsslHbaPolicy *policy,
												 const CastsslHbaEdits *edits);

/* Apply edits of plan->hba_after to it, with a step for each edited line. */
extern void castssl_hba_plan_edit(CastsslPlan *plan, const CastsslHbaEdits *edits);

/*
 * The edits of castssl_hba_require for what is wanted: repairs and twins first
 * (hba_derived), then the addresses.  Raises 22023 for a wanted address that
 * cannot be.
 */
extern void castssl_hba_plan_require(CastsslPlan *plan, const CastsslHbaWanted *wanted);

/*
 * The files that hba_after differs in become files of the plan; where there is
 * none, a step says that nothing changes.
 */
extern void castssl_hba_plan_finish(CastsslPlan *plan);

/* Steps for the lines by which hba_after differs from the live files, where nothing else says. */
extern void castssl_hba_plan_show(CastsslPlan *plan);

/*
 * A live file as it is now, whether or not the policy as it is reads it.  F0000
 * where it is no text: then nobody may rewrite it.
 */
extern const CastsslHbaDocument *castssl_hba_plan_live(const CastsslHbaPolicy *live,
													   const char *path);

/* The live file, where this one of another policy differs from it, else NULL. */
extern const CastsslHbaDocument *castssl_hba_plan_differs(const CastsslHbaPolicy *live,
														  const CastsslHbaDocument *after);

/* Is it one of the files of pg_hba.conf (links resolved)? */
extern bool castssl_hba_plan_is_file(const CastsslPlan *plan, const char *path);

/* hba_after, as the files of the plan make it. */
extern void castssl_hba_plan_from_files(CastsslPlan *plan);

#endif
