/*
 * authority.h
 *		A small CA on this server, for users without a CA of their own.
 *
 * Its directory is castssl.ca_directory, by default pg_castssl/ca/ in the data directory (mode
 * 0700, files 0600).  It holds ca.key, root.crt, root.crl, certificates/<serial>.crt for each
 * issued certificate, and revoked, the list from which the CRL is made (flow/recipe/revoke.h).
 *
 * Raises errors: 55000 if there is no CA, or if there already is one; 22023 for what the CA
 * cannot issue.  The caller holds the lock.  Texts are palloc'd.
 */
#ifndef CASTSSL_FLOW_RECIPE_AUTHORITY_H
#define CASTSSL_FLOW_RECIPE_AUTHORITY_H

#include "tls/certificate.h"
#include "tls/crl.h"

/* Make the CA and its first, empty CRL.  Returns its certificate, PEM. valid_for is in seconds. */
extern char *castssl_authority_create(const char *common_name, int64 valid_for,
									  const char *key_type);

/* Issue a certificate for a request, PEM.  Returns it, PEM. */
extern char *castssl_authority_sign(const char *request, int64 valid_for, CastsslPurpose purpose);

/*
 * Make a key and a client certificate for a user.  Write them with the CA's certificate to
 * pg_castssl/issued/<user>/: client.key and client.pem.pk8 (PKCS#8, PEM), client.crt, client.pk8
 * (PKCS#8, DER), root.crt, and, if there is a password, client.pfx (PKCS#12).  Returns the
 * directory.  Reports the end of the certificate at level LOG, and raises a WARNING if this
 * server would refuse the certificate, or the client this server.
 */
extern char *castssl_authority_issue_client(const char *user_name, const char *password,
											int64 valid_for);

/* Is the user name a safe directory name on every system and in every shell? */
extern bool castssl_authority_is_user_name(const char *name);

/*
 * The CA on disk; 55000 if there is none, or only a part of one.  *certificate is its
 * certificate, PEM.
 */
extern CastsslAuthority castssl_authority_load(char **certificate);

/*
 * The CRL of this CA with these entries, PEM.  It is valid as long as the CA.  A CRL
 * past its next update would lock out every user with a certificate.
 */
extern char *castssl_authority_crl(const CastsslAuthority *authority,
								   const CastsslRevocation *revoked, int count, int64 number);

/* Does the CA file in use hold a certificate with the key of this CA? */
extern bool castssl_authority_is_trusted(const CastsslAuthority *authority);

/* The first certificate of a PEM text; 22023 if there is none. */
extern CastsslCertificate castssl_authority_certificate(const char *pem);

#endif
