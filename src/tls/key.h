/*
 * key.h
 *		Private keys: read, make, write.  No file is touched here.
 *
 * EVP_PKEY handles hang on the current memory context (tls/openssl.h), and so
 * do the texts of keys, which are wiped with it: neither pfree nor repalloc
 * them.  A key never appears in a finding.
 */
#ifndef CASTSSL_TLS_KEY_H
#define CASTSSL_TLS_KEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tls/pem.h"

/* Is there a private key among its PEM blocks? */
extern bool castssl_key_present(const CastsslPem *pem);

/* Is the first private key of this PEM text encrypted? */
extern bool castssl_key_is_encrypted(const CastsslPem *key);

/*
 * The first private key of a PEM text, as the server reads it; NULL and an
 * error finding ("key_parse") when there is none, it is damaged, or encrypted
 * and passphrase (may be NULL) does not open it.
 */
extern EVP_PKEY *castssl_key_read(const CastsslPem *key, const char *passphrase,
								  CastsslFindings *findings);

/* Does the first private key of the text belong to the certificate?  False, too, if unreadable. */
extern bool castssl_key_fits(const CastsslPem *key, const char *passphrase, X509 *x509);

/*
 * A new key: 'rsa:2048', 'rsa:3072', 'rsa:4096', 'ec:P-256', 'ec:P-384' or
 * 'ed25519'; NULL and an error finding ("key_type") for anything else.
 */
extern EVP_PKEY *castssl_key_generate(const char *key_type, CastsslFindings *findings);

/* The key unencrypted in PKCS#8 form: PEM, and DER as JDBC wants it.  NULL and an error finding. */
extern char *castssl_key_pem(EVP_PKEY *key, size_t *length, CastsslFindings *findings);
extern char *castssl_key_pkcs8_der(EVP_PKEY *key, size_t *length, CastsslFindings *findings);

/* What a signature with this key hashes with; NULL where the key says it itself (Ed25519). */
extern const EVP_MD *castssl_key_digest(EVP_PKEY *key);

#endif
