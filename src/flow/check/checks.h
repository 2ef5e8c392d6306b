/*
 * checks.h
 *		The checks of castssl_check, one line each.
 *
 * A new check is a line here and its function, in one of layers.c, restart.c, files.c, issued.c,
 * rules.c, order.c, exposure.c, plaintext.c, passwords.c, upgrade.c, configured.c, ident.c,
 * functions.c, workers.c, sessions.c and live.c: void castssl_check_NAME(CastsslCheckScope *scope).
 */
#ifndef CASTSSL_FLOW_CHECK_CHECKS_H
#define CASTSSL_FLOW_CHECK_CHECKS_H

#include "flow/check/scope.h"

/*
 * CHECK(name, function, worst severity, title): names are part of the interface, and this is the
 * order of the rows.  A title says what holds if nothing is found; docs/reference-status.md has
 * the same (t/053_documentation.pl).
 */
/* clang-format off */
#define CASTSSL_CHECKS(CHECK) \
	CHECK(served_matches_disk, served_matches_disk, CASTSSL_ERROR, "clients get the certificate that is on disk") \
	CHECK(parameters_in_effect, parameters_in_effect, CASTSSL_ERROR, "the configuration files load, and their parameters are in effect") \
	CHECK(hba_in_effect, hba_in_effect, CASTSSL_WARNING, "pg_hba.conf and pg_ident.conf were loaded after they were changed") \
	CHECK(restart_safe, restart_safe, CASTSSL_ERROR, "a restart would succeed") \
	CHECK(ssl_enabled, ssl_enabled, CASTSSL_ERROR, "TLS is on") \
	CHECK(parameters_changeable, parameters_changeable, CASTSSL_INFO, "ALTER SYSTEM can change the parameters of TLS") \
	CHECK(two_values, two_values, CASTSSL_INFO, "postgresql.auto.conf overrides no later edit of postgresql.conf") \
	CHECK(other_cluster, other_cluster, CASTSSL_WARNING, "no file lies in a folder of another cluster") \
	CHECK(protocol_version, protocol_version, CASTSSL_ERROR, "no protocol before TLS 1.2") \
	CHECK(ciphers, ciphers, CASTSSL_ERROR, "no weak ciphers") \
	CHECK(passphrase, passphrase, CASTSSL_WARNING, "a key with a passphrase survives a reload") \
	CHECK(listen_addresses, listen_addresses, CASTSSL_INFO, "other hosts can connect") \
	CHECK(files_readable, files_readable, CASTSSL_ERROR, "the server can read the files that the parameters name") \
	CHECK(key_permissions, key_permissions, CASTSSL_ERROR, "other accounts cannot read the private key") \
	CHECK(symbolic_links, symbolic_links, CASTSSL_WARNING, "no file of TLS is a symbolic link in the data directory") \
	CHECK(ca_key, ca_key, CASTSSL_WARNING, "no private key of the CA lies on the server") \
	CHECK(key_copies, key_copies, CASTSSL_WARNING, "other accounts can read no copy of a private key") \
	CHECK(issued_certificates, issued_certificates, CASTSSL_WARNING, "no certificate of this server's CA ends soon") \
	CHECK(ca_revocations, ca_revocations, CASTSSL_ERROR, "this server refuses what its own CA has revoked") \
	CHECK(certificate_origin, certificate_origin, CASTSSL_WARNING, "the certificate is this server's own, and signed by a CA") \
	CHECK(certificate_parse, judgement, CASTSSL_ERROR, "the server certificate can be read") \
	CHECK(key_parse, judgement, CASTSSL_ERROR, "the private key can be read") \
	CHECK(key_matches_certificate, judgement, CASTSSL_ERROR, "the private key belongs to the server certificate") \
	CHECK(certificate_dates, judgement, CASTSSL_ERROR, "certificates are valid, and do not expire soon") \
	CHECK(ca_parse, judgement, CASTSSL_ERROR, "the CA file can be read") \
	CHECK(ca_is_ca, judgement, CASTSSL_ERROR, "the CA file holds CAs") \
	CHECK(crl_parse, judgement, CASTSSL_ERROR, "the CRL can be read") \
	CHECK(crl_dates, judgement, CASTSSL_ERROR, "the CRL is valid, and does not expire soon") \
	CHECK(crl_issuer, judgement, CASTSSL_ERROR, "a CA of the CA file signed it") \
	CHECK(chain, judgement, CASTSSL_ERROR, "the chain of the server certificate leads to a CA") \
	CHECK(names, judgement, CASTSSL_WARNING, "the server certificate names this host") \
	CHECK(key_usage, judgement, CASTSSL_ERROR, "the server certificate may be used by a server") \
	CHECK(weak, judgement, CASTSSL_ERROR, "no weak keys or signatures") \
	CHECK(hba_loads, hba_loads, CASTSSL_ERROR, "the server accepts pg_hba.conf") \
	CHECK(hba_staged, hba_staged, CASTSSL_WARNING, "edits of pg_hba.conf that are staged can still be applied") \
	CHECK(ident_loads, ident_loads, CASTSSL_ERROR, "the server accepts pg_ident.conf") \
	CHECK(hba_dead_rules, hba_dead_rules, CASTSSL_INFO, "no rule is unreachable") \
	CHECK(hba_order, hba_order, CASTSSL_WARNING, "no rule is hidden by a rule with another result") \
	CHECK(hba_partly_hidden, hba_partly_hidden, CASTSSL_INFO, "no rule that asks for more is partly hidden by a broader rule") \
	CHECK(hba_plaintext, hba_plaintext, CASTSSL_WARNING, "other hosts cannot connect unencrypted") \
	CHECK(hba_trust, hba_trust, CASTSSL_ERROR, "other hosts cannot log in without proof") \
	CHECK(hba_password, hba_password, CASTSSL_ERROR, "no password is sent in plaintext") \
	CHECK(hba_md5, hba_md5, CASTSSL_INFO, "no rule uses md5") \
	CHECK(md5_secrets, md5_secrets, CASTSSL_WARNING, "no role has an MD5 password where rules ask for SCRAM (superusers see it)") \
	CHECK(hba_tls_off, hba_tls_off, CASTSSL_WARNING, "hostssl rules are used: TLS is on") \
	CHECK(hba_clientcert, hba_clientcert, CASTSSL_ERROR, "rules that ask for a certificate have a CA") \
	CHECK(hba_cert_users, hba_cert_users, CASTSSL_ERROR, "pg_ident.conf admits the users of the rules") \
	CHECK(hba_superusers, hba_superusers, CASTSSL_WARNING, "superusers need a certificate on other hosts") \
	CHECK(hba_replication, hba_replication, CASTSSL_WARNING, "other hosts cannot replicate unencrypted") \
	CHECK(hba_future, hba_future, CASTSSL_WARNING, "a later major version reads pg_hba.conf in the same way") \
	CHECK(changes, changes, CASTSSL_ERROR, "no change waits, was interrupted, expired or failed to be undone") \
	CHECK(recovery_worker, recovery_worker, CASTSSL_WARNING, "a background worker can undo what nobody confirms or commits") \
	CHECK(edited_since, edited_since, CASTSSL_INFO, "no file was edited since the last change") \
	CHECK(managed_elsewhere, managed_elsewhere, CASTSSL_WARNING, "no other program writes the configuration") \
	CHECK(function_names, function_names, CASTSSL_ERROR, "no other function has the name of one of pg_castssl") \
	CHECK(cron_jobs, cron_jobs, CASTSSL_WARNING, "jobs of pg_cron can connect") \
	CHECK(foreign_servers, foreign_servers, CASTSSL_WARNING, "foreign servers that point at this server can connect") \
	CHECK(sessions_plaintext, sessions_plaintext, CASTSSL_WARNING, "no session from another host is unencrypted") \
	CHECK(sessions_refused, sessions_refused, CASTSSL_WARNING, "each live session could come back in the same way") \
	CHECK(sessions_ca, sessions_ca, CASTSSL_WARNING, "live sessions showed certificates of trusted CAs") \
	CHECK(ca_rotation, ca_rotation, CASTSSL_WARNING, "no CA waits to be dropped") \
	CHECK(standby, standby, CASTSSL_WARNING, "replication verifies the primary's certificate")
/* clang-format on */

#define PROTOTYPE(name, run, worst, title)                                                         \
	extern void castssl_check_##run(CastsslCheckScope *scope);
CASTSSL_CHECKS(PROTOTYPE)
#undef PROTOTYPE

#endif
