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
 * not empty, with ssl on certificate, key, CA, CRL and DH parameters load, and what
 * castssl_startup_problem looks for is there.  Everything on disk counts, no matter who
 * wrote it and whether it is in effect yet.  Changes nothing.  Not looked at: whether the
 * addresses and the port can be had, whether libraries fit, and memory.
 *
 * Where it would start, but without the maps that rules name, because it refuses pg_ident.conf,
 * this is a reason, too.
 *
 * hba: what castssl_loader_check_hba says of pg_hba.conf, which is then not read
 * again; NULL: not asked yet.  Without try_tls what TLS loads is left out: it is
 * known to load.  ssl_passphrase_command is never run: of an encrypted key, and of
 * what is loaded after it, nothing is known.
 */
extern char *castssl_restart_problem(const CastsslFindings *hba, bool try_tls);

/* "the server would not start again: ...", or what else such a reason means; palloc'd. */
extern char *castssl_restart_sentence(const char *problem);

/* As above, for a caller who knows that postgresql.conf can be parsed. */
extern char *castssl_restart_problem_besides(const CastsslFindings *hba, bool try_tls);

#endif
