/*
 * staging.h
 *		The staged pg_hba.conf, which collects edits until it is applied.
 *
 * pg_castssl/staged/ (0700, files 0600) holds the files that differ from the live ones, with
 * their hashes, and the hash of every live file.  Raises errors: 55000 if nothing is staged, a
 * live file changed since, or a staged file changed on disk.  Callers of functions that write
 * hold the lock.
 */
#ifndef CASTSSL_FLOW_RECIPE_STAGING_H
#define CASTSSL_FLOW_RECIPE_STAGING_H

#include "flow/plan/plan.h"
#include "hba/edit/edit.h"

/* The hint with a rule that works, for who has written one that does not. */
#define CASTSSL_STAGING_EXAMPLE                                                                    \
	"For example: SELECT castssl_hba_add(rule => 'hostssl all app 192.0.2.0/24 scram-sha-256');"

/*
 * The staged policy; the live one if nothing is staged.  If live is not NULL, *live is
 * the policy from which it was made.  It is read once, so all code that gets it sees the
 * same files.
 */
extern CastsslHbaPolicy *castssl_staging_policy(CastsslHbaPolicy **live);

/* 55000 unless something is staged. */
extern void castssl_staging_check(void);

/*
 * Stage the policy with the edits applied, on top of what is staged already. policy and
 * live come from castssl_staging_policy.  F0000 with the server's own text if the server
 * would refuse a line that was valid before.  Returns the new staged policy.
 */
extern CastsslHbaPolicy *castssl_staging_edit(const CastsslHbaPolicy *live,
											  const CastsslHbaPolicy *policy,
											  const CastsslHbaEdits *edits);

/* Stage these bytes as the main file, in place of everything staged before. */
extern CastsslHbaPolicy *castssl_staging_replace(const CastsslHbaPolicy *live, const char *content,
												 size_t length);

/* The unified diff from the live files to the staged policy; '' if nothing differs. */
extern char *castssl_staging_diff(const CastsslHbaPolicy *live, const CastsslHbaPolicy *staged);

/* What is staged, for a person or a program to look at. */
typedef struct CastsslStaged
{
	bool differs;        /* something is staged that differs from the live files, or is damaged */
	const char *hash;    /* of what is staged, 64 hexadecimal digits; NULL: nothing, or damaged */
	const char *roles;   /* who staged it, as SQL names joined by ", "; NULL in the same cases */
	const char *at;      /* when the last of it was staged; NULL in the same cases */
	bool by_transaction; /* nothing stays staged if the running transaction is rolled back */
} CastsslStaged;

/* Raises no error for a staged file that is damaged.  Palloc'd. */
extern CastsslStaged castssl_staging_look(void);

/*
 * Why what is staged can no longer be applied: a live file changed since, or a staged file is
 * damaged; NULL: it can be.  Palloc'd.
 */
extern char *castssl_staging_misfit(void);

/*
 * What must end before other edits can be staged and applied and take nothing from anybody: a
 * change, or edits that are staged; sentences for a hint.  NULL: nothing.
 */
extern const char *castssl_staging_waits_for(void);

/*
 * The plan that makes the staged policy live. 55000 (castssl_stale) if expected is not
 * NULL and not its hash.
 */
extern CastsslPlan *castssl_staging_plan(const char *expected);

#endif
