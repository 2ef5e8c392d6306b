/*
 * managed.h
 *		Configuration files that another program writes, and what to tell that program.
 */
#ifndef CASTSSL_FLOW_APPLY_MANAGED_H
#define CASTSSL_FLOW_APPLY_MANAGED_H

#include "flow/plan/plan.h"

/*
 * The program that writes the file, according to the comments in its first lines: "Patroni",
 * "Puppet", ..., "Another program"; static.  NULL if no comment says so, or if the file does not
 * exist.
 */
extern const char *castssl_managed_by(const char *path);

/*
 * 55000 if the plan changes pg_hba.conf and its file cannot be replaced (a read-only file system,
 * a mount point), or if it changes a parameter that ALTER SYSTEM cannot change.  Without force,
 * also if another program writes pg_hba.conf, or if Patroni writes postgresql.conf.  The DETAIL
 * holds what to put into the other program's configuration, as YAML.
 */
extern void castssl_managed_refuse(const CastsslPlan *plan, bool force);

#endif
