/*
 * restart.h
 *		Would the server start with the files that are on disk now?
 */
#ifndef CASTSSL_SERVER_RESTART_H
#define CASTSSL_SERVER_RESTART_H

#include "base/finding.h"

/* How the TLS files are checked. */
typedef enum CastsslTryTls
{
	CASTSSL_TLS_KNOWN, /* not at all: they are known to load */
	CASTSSL_TLS_READ,  /* by a function that only reads: ssl_passphrase_command is not run */
	CASTSSL_TLS_ASK    /* for a change or a reload: it is run where a reload would run it */
} CastsslTryTls;

/*
 * The first reason why the server would not start (palloc'd); NULL if it would.  It starts if
 * postgresql.conf and the files that it includes can be parsed, pg_hba.conf loads and is not
 * empty, with ssl on the certificate, key, CA, CRL and DH parameters load
 * and the protocol versions, ciphers and groups fit, and
 * castssl_startup_problem finds nothing missing.  Everything on disk counts, no matter who wrote
 * it and whether it is in effect yet.  Changes nothing.  Does not check whether the addresses and
 * the port are free, whether libraries fit, and memory.
 *
 * If the server would start, but refuses pg_ident.conf, so that the maps of the rules are
 * missing, this is a reason, too.
 *
 * hba: the findings of castssl_hba_verdict for pg_hba.conf, which is then not read again;
 * NULL: not checked yet.  If ssl_passphrase_command is not run, an encrypted key and what is
 * loaded after it remain unchecked: see castssl_restart_untried_key.
 */
extern char *castssl_restart_problem(const CastsslFindings *hba, CastsslTryTls try_tls);

/*
 * The part of it that is about the files and parameters of TLS: "file or parameters: what is wrong"
 * (palloc'd); NULL if nothing is, or TLS is off.  value gives the values of the parameters.
 */
extern char *castssl_restart_tls_problem(char *(*value)(const char *name), CastsslTryTls try_tls);

/*
 * The key file of the next start, if it is encrypted and ssl_passphrase_command is set: only
 * running the command shows whether the key opens.  NULL otherwise.  Palloc'd.
 */
extern char *castssl_restart_untried_key(void);

/* Is such a reason that the server would start, but without the maps? */
extern bool castssl_restart_is_of_maps(const char *problem);

/*
 * The sentence for such a reason: "the server would not start again: ...", or the reason itself
 * if only the maps would be missing.  Palloc'd.
 */
extern char *castssl_restart_sentence(const char *problem);

/* The same for a caller that knows that postgresql.conf can be parsed. */
extern char *castssl_restart_problem_besides(const CastsslFindings *hba, CastsslTryTls try_tls);

#endif
