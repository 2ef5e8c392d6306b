/*
 * unloaded.h
 *		What somebody has edited that the server has not loaded: the next reload puts it into
 *		effect, whoever asks for that reload.
 */
#ifndef CASTSSL_FLOW_ASK_UNLOADED_H
#define CASTSSL_FLOW_ASK_UNLOADED_H

#include "hba/text/rule.h"

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

#endif
