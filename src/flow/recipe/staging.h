/*
 * staging.h
 *		The candidate of pg_hba.conf that edits add up in until it is applied.
 *
 * pg_castssl/staged/ (0700, files 0600) holds the files that differ from the live
 * ones with their hashes, and the hash of every live file.  Errors are raised:
 * 55000 nothing staged, a live file changed since, or a staged file changed on
 * disk.  Those that write are for the holder of the lock.
 */
#ifndef CASTSSL_FLOW_RECIPE_STAGING_H
#define CASTSSL_FLOW_RECIPE_STAGING_H

#include "flow/plan/plan.h"
#include "hba/edit/edit.h"

/* Is anything staged? */
extern bool castssl_staging_exists(void);

/*
 * The staged policy; the live one where nothing is staged.  Where live is not
 * NULL, *live is what it was made from: read once, the files are the same ones to
 * everybody who is handed it.
 */
extern CastsslHbaPolicy *castssl_staging_policy(CastsslHbaPolicy **live);

/* 55000 unless something is staged. */
extern void castssl_staging_check(void);

/*
 * Stage the policy with the edits in it, on top of what is staged already; policy
 * and live by castssl_staging_policy.  F0000 with the server's own text when a
 * line that was good is refused then.  Returns the new staged policy.
 */
extern CastsslHbaPolicy *castssl_staging_edit(const CastsslHbaPolicy *live,
											  const CastsslHbaPolicy *policy,
											  const CastsslHbaEdits *edits);

/* Stage these bytes as the main file, in place of whatever was staged. */
extern CastsslHbaPolicy *castssl_staging_replace(const CastsslHbaPolicy *live, const char *content,
												 size_t length);

/* The unified diff from the live files to the staged policy; '' where nothing differs. */
extern char *castssl_staging_diff(const CastsslHbaPolicy *live, const CastsslHbaPolicy *staged);

/* Forget what is staged; false when nothing was. */
extern bool castssl_staging_discard(void);

/* The plan that makes what is staged live. */
extern CastsslPlan *castssl_staging_plan(void);

#endif
