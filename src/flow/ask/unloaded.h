/*
 * unloaded.h
 *		What somebody has edited that the server has not loaded: the next reload puts it into
 *		effect, whoever asks for that reload.
 */
#ifndef CASTSSL_FLOW_ASK_UNLOADED_H
#define CASTSSL_FLOW_ASK_UNLOADED_H

#include "flow/plan/plan.h"

/* SHA-256 of the files of pg_hba.conf, which a change keeps to know what it has loaded.  Palloc'd.
 */
extern char *castssl_unloaded_hash(const CastsslHbaPolicy *policy);

/*
 * The files of pg_hba.conf, pg_ident.conf and the server's parameters, with what they include, that
 * changed after the last reload: paths joined by ", ", palloc'd; NULL if there are none.
 * The files of pg_hba.conf do not count where they hold what the newest change has loaded, and
 * nobody has reloaded since: they were only touched.
 */
extern char *castssl_unloaded_configuration(const CastsslHbaPolicy *policy);

/* The same with the files of TLS. */
extern char *castssl_unloaded_files(const CastsslHbaPolicy *policy);

/*
 * The reload of a plan that leaves TLS on must not load ssl parameters that somebody else has set:
 * neither the guard nor confirm_within knows of them.  55000 castssl_would_cut_off if it would,
 * unless the plan sets them itself.  With force, or for a plan that writes nothing where no session
 * is over TLS, only if ssl would go off.
 */
extern void castssl_unloaded_check_parameters(CastsslPlan *plan, bool force);

/* Is TLS on, and was the file of that role in use written since the server has loaded it? */
extern bool castssl_unloaded_role(CastsslRole role);

/* Is TLS on, and would the next reload turn it off? */
extern bool castssl_unloaded_turns_tls_off(void);

/*
 * What to type to keep the values in effect of those parameters: "ALTER SYSTEM SET ssl = 'on';",
 * several with a blank between them.  Palloc'd.
 */
extern char *castssl_unloaded_keep_statements(const List *names);

#endif
