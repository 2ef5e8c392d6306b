/*
 * managed.h
 *		Configuration files that another program writes, and what has to be told to it.
 */
#ifndef CASTSSL_FLOW_APPLY_MANAGED_H
#define CASTSSL_FLOW_APPLY_MANAGED_H

#include "flow/plan/plan.h"

/*
 * Who writes the file, by the mark in its first lines: "Patroni", "Puppet", ...; static.
 * NULL: nobody known, or the file does not exist.
 */
extern const char *castssl_managed_by(const char *path);

/*
 * 55000 when the plan changes pg_hba.conf where another program writes it or nobody
 * can; or parameters where Patroni writes postgresql.conf or allow_alter_system is
 * off.  The DETAIL holds what to put into the other program's configuration, as YAML.
 */
extern void castssl_managed_refuse(const CastsslPlan *plan);

#endif
