/*
 * authority.h
 *		A small CA on this server, for those who have none.
 *
 * In castssl.ca_directory, by default pg_castssl/ca/ in the data directory
 * (0700, files 0600): ca.key, root.crt, root.crl, certificates/<serial>.crt for
 * each certificate issued, and revoked, the list that the CRL is made of
 * (flow/revoke.h).
 *
 * Errors are raised: 55000 where there is no CA, or one already; 22023 for what
 * it cannot issue.  Only for the holder of the lock.  Texts are palloc'd.
 */
#ifndef CASTSSL_FLOW_RECIPE_AUTHORITY_H
#define CASTSSL_FLOW_RECIPE_AUTHORITY_H

#include "tls/certificate.h"
#include "tls/crl.h"

/* Make the CA and its first, empty CRL; returns its certificate, PEM.  valid_for is in seconds. */
extern char *castssl_authority_create(const char *common_name, int64 valid_for,
									  const char *key_type);

/* Issue a certificate for a request, PEM; returns it, PEM. */
extern char *castssl_authority_sign(const char *request, int64 valid_for, CastsslPurpose purpose);

/*
 * Make a key and a client certificate for a user and write them, with the CA's
 * certificate, to pg_castssl/issued/<user>/: client.key (PEM), client.crt,
 * client.pk8 (PKCS#8 DER), root.crt, and with a password client.pfx (PKCS#12).
 * Returns the directory.
 */
extern char *castssl_authority_issue_client(const char *user_name, const char *password,
											int64 valid_for);

/* The CA's directory, or a file in it. */
extern char *castssl_authority_path(const char *name);

/* The CA as it lies on disk; 55000 when there is none.  Its certificate, PEM, in *certificate. */
extern CastsslAuthority castssl_authority_load(char **certificate);

/*
 * The CRL of this CA with these entries, PEM.  It lasts as long as the CA: one past
 * its next update would lock every certificate user out.
 */
extern char *castssl_authority_crl(const CastsslAuthority *authority,
								   const CastsslRevocation *revoked, int count, int64 number);

/* The first certificate of a PEM text; 22023 when there is none. */
extern CastsslCertificate castssl_authority_certificate(const char *pem);

#endif
