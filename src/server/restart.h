/*
 * restart.h
 *		Would the server start with the files that are on disk now?
 */
#ifndef CASTSSL_SERVER_RESTART_H
#define CASTSSL_SERVER_RESTART_H

#include "base/finding.h"

/*
 * The first reason why it would not start (palloc'd); NULL if it would.  It would if
 * postgresql.conf and the files that it includes can be parsed, pg_hba.conf loads and is
 * not empty, and, with ssl on, certificate, key, CA and CRL load.  Everything on disk
 * counts, no matter who wrote it and whether it is in effect yet.  Changes nothing.
 *
 * hba: the findings of castssl_loader_check_hba for pg_hba.conf, which is then not read
 * again; NULL: not checked yet.  Without try_tls, the TLS files are not loaded: they are
 * known to load, or the check must not run ssl_passphrase_command (see
 * castssl_loader_check_tls).
 */
extern char *castssl_restart_problem(const CastsslFindings *hba, bool try_tls);

/* As above, for a caller who knows that postgresql.conf can be parsed. */
extern char *castssl_restart_problem_besides(const CastsslFindings *hba, bool try_tls);

#endif
