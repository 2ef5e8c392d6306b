/*
 * loader.h
 *		The verdict of this server's own loaders on files that are not live yet.
 *
 * Each function runs the code that the postmaster will run on reload, only in this
 * backend.  It points the server's globals at those files and restores them
 * afterwards, also on ERROR.  Nothing changes in the running server.
 */
#ifndef CASTSSL_SERVER_LOADER_H
#define CASTSSL_SERVER_LOADER_H

#include "base/finding.h"

/*
 * Let hba.c read path and the files that it includes: through pg_hba_file_rules, and
 * through captured messages for texts that the view hides.  Adds one error finding for
 * each line that hba.c refuses: subject "path:line", message the server's own text, with
 * its hint if it has one.  Unless part is true (path is a part of a file), a file
 * without any rule is an error too, because the server refuses to load it. hostssl lines
 * are judged as if ssl were on.  Returns the number of accepted rules.  Secrets are
 * masked.  Needs a transaction with a snapshot, and the right to call pg_hba_file_rules.
 */
extern int castssl_loader_check_hba(const char *path, bool part, CastsslFindings *findings);

/* The ssl_* parameters for be_tls_init; '' for none, NULL: as now. */
typedef struct CastsslTlsFiles
{
	const char *cert_file;
	const char *key_file;
	const char *ca_file;
	const char *crl_file;
	const char *dh_params_file; /* ssl_dh_params_file */
	bool at_start;              /* also what a reload only complains of, and what ends a start */
	bool ask_passphrase; /* may ssl_passphrase_command be run?  Not because somebody reads. */
} CastsslTlsFiles;

/*
 * Let be_tls_init load the set with this server's other TLS settings in force.
 * An error finding with the server's own message (and detail, hint) when it
 * refuses.  Runs ssl_passphrase_command only where the files say so and a reload would
 * (ssl_passphrase_command_supports_reload).
 */
extern void castssl_loader_check_tls(const CastsslTlsFiles *files, CastsslFindings *findings);

#endif
