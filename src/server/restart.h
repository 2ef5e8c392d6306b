/*
 * restart.h
 *		Would the server start with the files as they lie on disk now?
 */
#ifndef CASTSSL_SERVER_RESTART_H
#define CASTSSL_SERVER_RESTART_H

#include "base/finding.h"

/*
 * The first reason why not (palloc'd), NULL when it would: postgresql.conf and
 * what it includes parse, pg_hba.conf loads and is not empty, and with ssl on
 * certificate, key, CA and CRL load.  Everything on disk counts, whoever wrote it
 * and whether or not it is in effect yet.  Changes nothing.
 *
 * hba: what castssl_loader_check_hba says of pg_hba.conf, which is then not read
 * again; NULL: not asked yet.  Without try_tls what TLS loads is left out: it is
 * known to load, or must not run ssl_passphrase_command (see
 * castssl_loader_check_tls).
 */
extern char *castssl_restart_problem(const CastsslFindings *hba, bool try_tls);

/* The same for a caller who knows that postgresql.conf parses. */
extern char *castssl_restart_problem_besides(const CastsslFindings *hba, bool try_tls);

#endif
