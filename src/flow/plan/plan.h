/*
 * plan.h
 *		A change as a value: the difference between what is wanted and what exists.
 *		Writes nothing.
 */
#ifndef CASTSSL_FLOW_PLAN_PLAN_H
#define CASTSSL_FLOW_PLAN_PLAN_H

#include "nodes/pg_list.h"

#include "flow/plan/material.h"
#include "flow/plan/steps.h"
#include "server/sessions.h"

/* One file that the plan changes. */
typedef struct CastsslPlannedFile
{
	const char *path; /* absolute, links resolved */
	const char *data; /* NULL: remove it */
	size_t length;
	mode_t mode;
	const struct stat *owner; /* keep this owner; NULL: the server's account */
	bool content_same;        /* only its mode changes */
	bool mode_kept; /* a key: undoing does not restore a mode by which others could read it */
	bool is_tls;    /* a TLS file: written with ssl off, or bridged (change/bridge.h) */
} CastsslPlannedFile;

typedef struct CastsslRotation CastsslRotation; /* flow/ask/rotation.h */

typedef struct CastsslPlan
{
	const char *action;     /* "enable", "disable", "install", "apply pg_hba", "rollback" */
	List *steps;            /* CastsslStep */
	List *files;            /* CastsslPlannedFile */
	List *parameters;       /* CastsslChangedParameter: name and after */
	bool touches_tls;       /* changes files or parameters of TLS; then ssl is among the
							 * parameters, unless ALTER SYSTEM cannot change it */
	bool reload;            /* needs a reload although nothing is written */
	const char *reload_for; /* the file or the parameters that may not be loaded */

	bool ssl_after;            /* TLS is on after the plan */
	CastsslMaterial *material; /* TLS files in use after the plan; NULL: as now */
	/* of the certificate that a handshake must show; NULL: not checked */
	const char *fingerprint;
#define CASTSSL_SHORT_FINGERPRINT "%.16s" /* in rows: enough to compare by eye */

	CastsslHbaPolicy *hba_before; /* pg_hba.conf now */
	CastsslHbaPolicy *hba_after;  /* pg_hba.conf after the plan; the same if it does not change */

	/*
	 * pg_hba.conf after the derived edits only, without the addresses that the caller
	 * asked to admit; NULL: no derived edits
	 */
	CastsslHbaPolicy *hba_derived;
	bool hba_changes;

	/* connected clients, set by castssl_plan_sessions; NULL: not read yet */
	CastsslSession *sessions;
	int nsessions;
	int nsessions_refused; /* live sessions that could not come back, as far as they were judged */
	/*
	 * one of them could not come back even when the plan is undone, because the reload also loads
	 * what somebody else has edited
	 */
	bool loses_for_good;

	/* how the CAs change, set by castssl_rotation_compare; NULL: they do not, or not looked yet */
	CastsslRotation *rotation;

	bool uses_staged; /* makes the staged edits live, so they are no longer staged */
	bool takes_back;  /* castssl_disable, or castssl_rollback of a finished change */
	bool revokes;     /* castssl_revoke: sessions that showed the certificate should be cut off */
	List *undoes;     /* the CastsslChanges that the plan undoes */
	int64 change_id;  /* of the change that made it true; 0: none, or not yet */
	/* the statement that confirms it, or an earlier change that waits; NULL: none, or not yet */
	const char *confirmation;
} CastsslPlan;

/* An empty plan for that action. */
extern CastsslPlan *castssl_plan_new(const char *action);

/* Append a step: what happens to which target, in words for the caller. */
extern void castssl_plan_step(CastsslPlan *plan, const char *action, const char *target,
							  CastsslOutcome outcome, const char *detail);

/* The same for a warning. */
extern void castssl_plan_warn(CastsslPlan *plan, const char *action, const char *target,
							  CastsslCode code, const char *detail);

/* The connected clients.  Read once for a plan. */
extern const CastsslSession *castssl_plan_sessions(CastsslPlan *plan, int *count);

/* Does it change anything on disk, so that there is something to undo? */
extern bool castssl_plan_writes(const CastsslPlan *plan);

/* Does it change anything on disk, or need a reload? */
extern bool castssl_plan_changes(const CastsslPlan *plan);

/* Plan to install and use the material, with ssl on.  Adds the steps. */
extern void castssl_plan_material(CastsslPlan *plan, CastsslMaterial *material);

/*
 * Set what TLS will use when the planned parameters and files are in place: ssl_after,
 * and the material if TLS is on then.
 */
extern void castssl_plan_material_afterwards(CastsslPlan *plan);

/* Add a file with its content, or its removal (data NULL), if that differs from the disk. */
extern void castssl_plan_file(CastsslPlan *plan, const char *path, const char *data, size_t length,
							  mode_t mode);

/*
 * Plan that a parameter has this value in effect.  Stores it only if it is not in effect
 * already.  Adds a step.
 */
extern void castssl_plan_parameter(CastsslPlan *plan, const char *name, const char *value);

/* The planned contents of that path; NULL if the plan does not write it. */
extern const CastsslPlannedFile *castssl_plan_written(const CastsslPlan *plan, const char *path);

/* The value of a parameter when the plan is in effect; palloc'd. */
extern char *castssl_plan_value(const CastsslPlan *plan, const char *name);

/* Plan exactly the stored value of a parameter (NULL: none).  Adds a step. */
extern void castssl_plan_parameter_stored(CastsslPlan *plan, const char *name, const char *stored);

/*
 * Call when everything else is planned.  If TLS files or parameters change, adds ssl to
 * the parameters, so that it can be stored as off during the change.
 */
extern void castssl_plan_guard_ssl(CastsslPlan *plan);

#endif
