/*
 * steps.h
 *		The steps of a change, which become the rows that the caller gets.
 */
#ifndef CASTSSL_FLOW_PLAN_STEPS_H
#define CASTSSL_FLOW_PLAN_STEPS_H

#include "nodes/pg_list.h"

/* The outcome of a step, independent of whether this is a dry run. */
typedef enum CastsslOutcome
{
	CASTSSL_STEP_CHANGES,   /* 'done', or 'planned' in a dry run */
	CASTSSL_STEP_UNCHANGED, /* 'unchanged' */
	CASTSSL_STEP_FOLLOWS,   /* as CHANGES if the plan changes anything, else as UNCHANGED */
	CASTSSL_STEP_WARNING,   /* 'warning' */
	CASTSSL_STEP_SKIPPED,   /* 'skipped' */
	CASTSSL_STEP_WAITING    /* 'waiting', or 'planned' in a dry run */
} CastsslOutcome;

/*
 * CODE(name, when): the values of column code, for programs.  Names are part of the
 * interface; docs/reference.md has the same list (t/053_documentation.pl).
 */
/* clang-format off */
#define CASTSSL_CODES(CODE) \
	CODE(access_lists, "access control lists decide who can read the key, not its mode (Windows)") \
	CODE(address_host_bits, "an address has bits set to the right of its mask, and stands for a wider range") \
	CODE(asks_for_more, "rules ask for more than `clientcert` says, and still do") \
	CODE(ca_is_ca, "a certificate of the CA file is not a CA") \
	CODE(ca_left, "a CA file in `source_dir` was not taken, because another one is in use") \
	CODE(ca_parse, "the CA file holds a private key, too") \
	CODE(ca_rotation, "several CAs are trusted, or one is no longer trusted") \
	CODE(certificate_parse, "a certificate in a file is defective, or the file holds a private key, too") \
	CODE(certificate_valid_again, "a certificate that was revoked is valid again") \
	CODE(chain, "clients may not be able to verify the certificate") \
	CODE(confirmation_needed, "a dry run: the call needs `confirm_within` or `force`") \
	CODE(crl_dates, "a CRL expires soon") \
	CODE(crl_issuer, "the issuer of a CRL is not in the CA file, or a CA has no CRL") \
	CODE(crl_parse, "a part of a CRL file cannot be read") \
	CODE(cron_jobs, "jobs of pg_cron, which connect by TCP, would be refused") \
	CODE(expires_soon, "a certificate expires within `castssl.expiry_warning`, or has expired") \
	CODE(foreign_servers, "foreign servers that point at this server would be refused") \
	CODE(health_check, "a rule seems to be for a health check in plaintext, and plaintext ends") \
	CODE(issuer_changed, "clients that verify the old server certificate do not verify the new one") \
	CODE(key_readable, "other accounts can read the file that a private key was copied from") \
	CODE(key_usage, "the certificate does not say that it is for servers") \
	CODE(line_left, "a line that was commented out does not come back, because its twin is not beside it") \
	CODE(loads_edits, "a file of rules or maps was edited by hand and not loaded: this change loads it") \
	CODE(md5_password, "scram-sha-256 does not accept a password that is stored as MD5") \
	CODE(names, "the certificate does not name this host") \
	CODE(newly_admitted, "clients are admitted that are refused now") \
	CODE(newly_refused, "clients are refused that are admitted now") \
	CODE(no_baseline, "there is no record of the parameters before castssl_enable(): they stay") \
	CODE(no_ca, "a rule asks for a client certificate, but the server has no CA") \
	CODE(no_tcp_port, "the server has no TCP port, so nothing can be tried") \
	CODE(no_tls_line, "a `hostnossl` line is no longer in force, and no line admits its clients over TLS") \
	CODE(no_worker, "no background worker watches over the change until its transaction commits") \
	CODE(not_proven, "a login proved nothing") \
	CODE(other_cluster, "a file belongs to another cluster, or may belong to another server") \
	CODE(plaintext_fallback, "TLS asks for a certificate, and a client without one falls back to plaintext") \
	CODE(restart_unsafe, "the server would not start again") \
	CODE(session_cut_off, "a live session could not come back") \
	CODE(session_plaintext, "a live session is encrypted, and could come back only in plaintext") \
	CODE(session_unknown, "nobody can know whether a live session could come back") \
	CODE(short_deadline, "`confirm_within` is so short that minutes may have been meant") \
	CODE(staged_by_others, "edits that other roles staged are applied, too") \
	CODE(tls_off, "a hostssl rule is never used, because TLS is off") \
	CODE(unconfirmed, "the change is undone unless it is confirmed in time") \
	CODE(weak, "a key or a signature is weak") \
	CODE(without_proof, "clients are admitted without a proof that they need now")
/* clang-format on */

typedef enum CastsslCode
{
	CASTSSL_CODE_NONE,
#define ENUMERATE(name, when) CASTSSL_CODE_##name,
	CASTSSL_CODES(ENUMERATE)
#undef ENUMERATE
} CastsslCode;

typedef struct CastsslStep
{
	const char *action; /* static: "install file", "set parameter", ... */
	const char *target; /* file, parameter, "path:line", ... */
	CastsslOutcome outcome;
	const char *detail; /* may be NULL */
	CastsslCode code;   /* of a warning, or of what is skipped or waits */
} CastsslStep;

/* Append a step to a List of steps (palloc'd; keeps the strings, does not copy them). */
extern List *castssl_step_add(List *steps, const char *action, const char *target,
							  CastsslOutcome outcome, const char *detail);

/* The value for column code; NULL for CASTSSL_CODE_NONE. */
extern const char *castssl_code_name(CastsslCode code);

/* The code for a warning of that check of castssl_check(). */
extern CastsslCode castssl_code_of_check(const char *check);

/* The last step with that action; NULL if there is none. */
extern CastsslStep *castssl_step_find(List *steps, const char *action);

/* The value for column result. */
extern const char *castssl_step_result(const CastsslStep *step, bool anything_changes,
									   bool dry_run);

#endif
