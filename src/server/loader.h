/*
 * loader.h
 *		What this server's own loaders say of files that are not live yet.
 *
 * Each runs the code that the postmaster will run on reload, in this backend
 * only, with the globals pointed at candidates and put back afterwards (also on
 * ERROR).  Nothing of the running server changes.
 */
#ifndef CASTSSL_SERVER_LOADER_H
#define CASTSSL_SERVER_LOADER_H

#include "base/finding.h"

/*
 * Let hba.c (through pg_hba_file_rules and, for texts that it hides, captured
 * messages) read path and all that it includes.  One error finding per line
 * that it refuses: subject "path:line", message the server's own text, with
 * its hint if it has one.  Unless it is a part of a file, to be without any rule is
 * an error too (the server refuses to load it).  hostssl lines are judged as if ssl were on.
 * Returns the number of rules that it accepts.  Secrets are masked.  Needs a
 * transaction with a snapshot, and the right to call pg_hba_file_rules.
 */
extern int castssl_loader_check_hba(const char *path, bool part, CastsslFindings *findings);

/* The ssl_* parameters as be_tls_init is to see them; '' for none, NULL: as now. */
typedef struct CastsslTlsFiles
{
	const char *cert_file;
	const char *key_file;
	const char *ca_file;
	const char *crl_file;
} CastsslTlsFiles;

/*
 * Let be_tls_init load the set with this server's other TLS settings in force.
 * An error finding with the server's own message (and detail, hint) when it
 * refuses.  Runs ssl_passphrase_command only where a reload would
 * (ssl_passphrase_command_supports_reload).
 */
extern void castssl_loader_check_tls(const CastsslTlsFiles *files, CastsslFindings *findings);

#endif
