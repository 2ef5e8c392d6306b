/*
 * key.h
 *		Private keys: read, make, write.  This code touches no file.
 *
 * The current memory context owns the EVP_PKEY handles (tls/openssl.h) and the texts
 * of keys.  The texts are wiped when the context goes away, so neither pfree nor
 * repalloc them.  A key never appears in a finding.
 */
#ifndef CASTSSL_TLS_KEY_H
#define CASTSSL_TLS_KEY_H

#include <openssl/evp.h>
#include <openssl/x509.h>

#include "tls/pem.h"

/* Do the PEM blocks include a private key? */
extern bool castssl_key_present(const CastsslPem *pem);

/* Is the first private key of this PEM text encrypted? */
extern bool castssl_key_is_encrypted(const CastsslPem *key);

/*
 * What it is encrypted with, a sentence; NULL if it is not encrypted.  Adds an error finding
 * ("key_parse") if this OpenSSL cannot decrypt such a key, whatever the passphrase.
 */
extern const char *castssl_key_encryption(const CastsslPem *key, CastsslFindings *findings);

/*
 * Read the first private key of a PEM text as the server does.  Returns NULL and adds an
 * error finding ("key_parse") if there is no key, the key is damaged, or the key is
 * encrypted and passphrase (may be NULL) does not open it.
 */
extern EVP_PKEY *castssl_key_read(const CastsslPem *key, const char *passphrase,
								  CastsslFindings *findings);

/*
 * Does the first private key of the text belong to the certificate?  False if the key is
 * unreadable.
 */
extern bool castssl_key_fits(const CastsslPem *key, const char *passphrase, X509 *x509);

/*
 * Make a key: 'rsa:2048', 'rsa:3072', 'rsa:4096', 'ec:P-256', 'ec:P-384' or 'ed25519'.
 * For any other type returns NULL and adds an error finding ("key_type").
 */
extern EVP_PKEY *castssl_key_generate(const char *key_type, CastsslFindings *findings);

/*
 * The key, unencrypted, in PKCS#8 form: as PEM, and as DER for JDBC.  On failure returns
 * NULL and adds an error finding.
 */
extern char *castssl_key_pem(EVP_PKEY *key, size_t *length, CastsslFindings *findings);
extern char *castssl_key_pkcs8_der(EVP_PKEY *key, size_t *length, CastsslFindings *findings);

/* The digest for a signature with this key; NULL if the key type includes one (Ed25519). */
extern const EVP_MD *castssl_key_digest(EVP_PKEY *key);

#endif
