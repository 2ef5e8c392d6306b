/*
 * loader.h
 *		The verdict of this server's own loader of TLS on files that are not live yet.
 *
 * It runs the code that the postmaster will run on reload, only in this backend.  It points
 * the server's globals at those files and restores them afterwards, also on ERROR.  Nothing
 * changes in the running server.
 */
#ifndef CASTSSL_SERVER_LOADER_H
#define CASTSSL_SERVER_LOADER_H

#include "base/finding.h"
#include "tls/pem.h"

/* The values of the ssl_* parameters for be_tls_init; '' for none, NULL: as now. */
typedef struct CastsslTlsFiles
{
	const char *cert_file;
	const char *key_file;
	const CastsslPem *key; /* its text if key_file cannot be opened again; NULL: it can */
	const char *ca_file;
	const char *crl_file;
	const char *dh_params_file;
	const char *min_version; /* ssl_min_protocol_version, 'TLSv1.2' */
	const char *max_version; /* '' for no limit */
	const char *ciphers;     /* ssl_ciphers */
	const char *suites;      /* ssl_tls13_ciphers, from 18 on */
	const char *groups;      /* ssl_groups, or ssl_ecdh_curve before 18 */
	bool at_start;           /* also report what a reload only logs, but a start fails on */
	bool ask_passphrase; /* may ssl_passphrase_command be run?  Not by a function that only reads */
} CastsslTlsFiles;

/*
 * Let be_tls_init load the set with this server's other TLS settings in force.  If it refuses the
 * set, adds an error finding with the server's own message, detail and hint; its subject is the
 * file or the parameter that the message is about.  Runs
 * ssl_passphrase_command only if ask_passphrase is set and a reload would run it
 * (ssl_passphrase_command_supports_reload).
 */
extern void castssl_loader_check_tls(const CastsslTlsFiles *files, CastsslFindings *findings);

/*
 * The text of a key file of the server (a relative name is relative to the data directory); data
 * is NULL if it cannot be read.  Wiped with the current memory context.
 */
extern CastsslPem castssl_loader_key(const char *path);

#endif
