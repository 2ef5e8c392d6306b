/*
 * managed.h
 *		Configuration files that another program writes, and what to tell that program.
 */
#ifndef CASTSSL_FLOW_APPLY_MANAGED_H
#define CASTSSL_FLOW_APPLY_MANAGED_H

#include "flow/plan/plan.h"

/*
 * The program that writes the file, by the mark in its first lines: "Patroni", "Puppet",
 * ...; static.  NULL: no known program, or the file does not exist.
 */
extern const char *castssl_managed_by(const char *path);

/*
 * 55000 if the plan changes pg_hba.conf and another program writes it or it cannot be
 * written, or if the plan changes parameters and Patroni writes postgresql.conf or
 * allow_alter_system is off.  The DETAIL holds what to put into the other program's
 * configuration, as YAML.
 */
extern void castssl_managed_refuse(const CastsslPlan *plan);

#endif
