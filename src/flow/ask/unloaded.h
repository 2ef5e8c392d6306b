/*
 * unloaded.h
 *		Edits that the server has not loaded: the next reload puts them into effect, whoever
 *		asks for it.
 */
#ifndef CASTSSL_FLOW_ASK_UNLOADED_H
#define CASTSSL_FLOW_ASK_UNLOADED_H

#include "change/record.h"
#include "flow/plan/plan.h"

/*
 * Note in the change what its plan loads, to know it again later: SHA-256 of the files of
 * pg_hba.conf, of the CAs and of the CRLs.
 */
extern void castssl_unloaded_remember(CastsslChange *change, const CastsslPlan *plan);

/*
 * The files of pg_hba.conf and pg_ident.conf, with what they include, that changed after the last
 * reload: paths, palloc'd.  Those of pg_hba.conf do not count if they hold what the newest change
 * has loaded and nobody has reloaded since: then they were only touched.
 */
extern List *castssl_unloaded_rules(const CastsslHbaPolicy *policy);

/*
 * Add a warning step for each of these files: the reload of the plan loads it, too.  It names the
 * lines by which clients come in without a proof.
 */
extern void castssl_unloaded_warn(CastsslPlan *plan);

/*
 * The files of pg_hba.conf, pg_ident.conf and the server's parameters, with what they include,
 * that changed after the last reload: paths joined by ", ", palloc'd; NULL if there are none.
 */
extern char *castssl_unloaded_configuration(const CastsslHbaPolicy *policy);

/* The same with the files of TLS. */
extern char *castssl_unloaded_files(const CastsslHbaPolicy *policy);

/*
 * The reload of a plan that leaves TLS on must not load ssl parameters that somebody else has
 * set, because neither the guard nor confirm_within covers them. 55000 castssl_would_cut_off if
 * it would, unless the plan sets them itself.  With force, or for a plan that writes nothing
 * while no session uses TLS, only if ssl would go off.
 */
extern void castssl_unloaded_check_parameters(CastsslPlan *plan, bool force);

/*
 * Is TLS on, and was the file of that role written after the server had loaded it?  A CA or CRL
 * file does not count if it holds what the newest change has loaded and nobody has reloaded since.
 */
extern bool castssl_unloaded_role(CastsslRole role);

/* Is TLS on, and would the next reload turn it off? */
extern bool castssl_unloaded_turns_tls_off(void);

/*
 * The statements that keep the values in effect of those parameters: "ALTER SYSTEM SET ssl =
 * 'on';", with a blank between them.  Palloc'd.
 */
extern char *castssl_unloaded_keep_statements(const List *names);

#endif
