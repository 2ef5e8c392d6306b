/*
 * plan.h
 *		A change as a value: what is wanted against what is.  Writes nothing.
 */
#ifndef CASTSSL_FLOW_PLAN_PLAN_H
#define CASTSSL_FLOW_PLAN_PLAN_H

#include "nodes/pg_list.h"

#include "flow/plan/material.h"
#include "flow/plan/steps.h"
#include "server/sessions.h"

/* One file that is to differ from what it is now. */
typedef struct CastsslPlannedFile
{
	const char *path; /* absolute, links resolved */
	const char *data; /* NULL: remove it */
	size_t length;
	mode_t mode;
	const struct stat *owner; /* keep this owner; NULL: the server's */
	bool content_same;        /* only its mode changes */
	bool is_tls;              /* certificate, key, CA or CRL: switched while ssl is stored off */
} CastsslPlannedFile;

typedef struct CastsslPlan
{
	const char *action; /* "enable", "disable", "install", "apply pg_hba", "rollback" */
	List *steps;        /* CastsslStep */
	List *files;        /* CastsslPlannedFile */
	List *parameters;   /* CastsslChangedParameter: name and after */
	bool touches_tls;   /* changes files or parameters of TLS: ssl is among the parameters then */
	bool
		reload; /* a reload is needed though nothing is written (files newer than what is served) */

	bool ssl_after;            /* TLS is on afterwards */
	CastsslMaterial *material; /* what TLS uses afterwards; NULL: as now */
	const char *fingerprint;   /* that a handshake must show; NULL: not to be checked */

	CastsslHbaPolicy *hba_before;  /* pg_hba.conf as it is */
	CastsslHbaPolicy *hba_after;   /* and as it will be: the same where it does not change */
	CastsslHbaPolicy *hba_derived; /* after the derived edits alone, without what the caller asked
									  to admit (addresses); NULL: nothing was derived */
	bool hba_changes;

	CastsslSession *sessions; /* who is connected, by castssl_plan_sessions; NULL: not asked yet */
	int nsessions;

	bool uses_staged; /* makes the staged edits live: they are used up then */
	List *undoes;     /* CastsslChange that the plan takes back */
} CastsslPlan;

/* A plan of that action with nothing in it. */
extern CastsslPlan *castssl_plan_new(const char *action);

/* Append a step: what happens to what, as the caller is to read it. */
extern void castssl_plan_step(CastsslPlan *plan, const char *action, const char *target,
							  CastsslOutcome outcome, const char *detail);

/* Who is connected: asked once for a plan. */
extern const CastsslSession *castssl_plan_sessions(CastsslPlan *plan, int *count);

/* Does it change anything on disk, or need a reload? */
extern bool castssl_plan_changes(const CastsslPlan *plan);

/* Plan to install and use the material, with ssl on.  Adds the steps. */
extern void castssl_plan_material(CastsslPlan *plan, CastsslMaterial *material);

/*
 * What TLS will use once the planned parameters and files are in place:
 * ssl_after, and the material where TLS is on then.
 */
extern void castssl_plan_material_afterwards(CastsslPlan *plan);

/* Add a file, with its content or (data NULL) its absence, where it differs from the disk. */
extern void castssl_plan_file(CastsslPlan *plan, const char *path, const char *data, size_t length,
							  mode_t mode);

/*
 * Plan a parameter to have this value in effect.  Stored only where it is not in
 * effect already.  Adds a step.
 */
extern void castssl_plan_parameter(CastsslPlan *plan, const char *name, const char *value);

/* Plan exactly what is stored of a parameter (NULL: nothing).  Adds a step. */
extern void castssl_plan_parameter_stored(CastsslPlan *plan, const char *name, const char *stored);

/*
 * After everything else is planned: have ssl among the parameters wherever TLS
 * files or parameters change, so that it can be stored off in between.
 */
extern void castssl_plan_guard_ssl(CastsslPlan *plan);

#endif
