/*
 * steps.h
 *		The steps of a change, which become the rows that the caller gets.
 */
#ifndef CASTSSL_FLOW_PLAN_STEPS_H
#define CASTSSL_FLOW_PLAN_STEPS_H

#include "nodes/pg_list.h"

/* The outcome of a step, independent of whether this is a dry run. */
typedef enum CastsslOutcome
{
	CASTSSL_STEP_CHANGES,   /* 'done', or 'planned' in a dry run */
	CASTSSL_STEP_UNCHANGED, /* 'unchanged' */
	CASTSSL_STEP_FOLLOWS,   /* as CHANGES if the plan changes anything, else as UNCHANGED */
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

/* Append a step to a List of steps (palloc'd; keeps the strings, does not copy them). */
extern List *castssl_step_add(List *steps, const char *action, const char *target,
							  CastsslOutcome outcome, const char *detail);

/* The last step with that action; NULL if there is none. */
extern CastsslStep *castssl_step_find(List *steps, const char *action);

/* The value for column result. */
extern const char *castssl_step_result(const CastsslStep *step, bool anything_changes,
									   bool dry_run);

#endif
