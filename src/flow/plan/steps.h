/*
 * steps.h
 *		What a change does, step by step, as the rows that the caller gets.
 */
#ifndef CASTSSL_FLOW_PLAN_STEPS_H
#define CASTSSL_FLOW_PLAN_STEPS_H

#include "nodes/pg_list.h"

/* How a step turned out, before it is known whether this is a dry run. */
typedef enum CastsslOutcome
{
	CASTSSL_STEP_CHANGES,   /* 'done', or 'planned' in a dry run */
	CASTSSL_STEP_UNCHANGED, /* 'unchanged' */
	CASTSSL_STEP_FOLLOWS,   /* as CHANGES when the plan changes anything, else as UNCHANGED */
	CASTSSL_STEP_WARNING,   /* 'warning' */
	CASTSSL_STEP_SKIPPED    /* 'skipped' */
} CastsslOutcome;

typedef struct CastsslStep
{
	const char *action; /* static: "install file", "set parameter", ... */
	const char *target; /* file, parameter, "path:line", ... */
	CastsslOutcome outcome;
	const char *detail; /* may be NULL */
} CastsslStep;

/* Append a step to a List of them (palloc'd; strings are kept, not copied). */
extern List *castssl_step_add(List *steps, const char *action, const char *target,
							  CastsslOutcome outcome, const char *detail);

/* The last step with that action; NULL if there is none. */
extern CastsslStep *castssl_step_find(List *steps, const char *action);

/* The word in column result. */
extern const char *castssl_step_result(const CastsslStep *step, bool anything_changes,
									   bool dry_run);

#endif
