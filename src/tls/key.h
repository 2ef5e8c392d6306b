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
 * A sentence with the command that writes the key without its passphrase, palloc'd.  NULL: the
 * key is not encrypted, is not in a file, or the file's name is not castssl_is_pasteable().
 */
extern char *castssl_key_decrypt_hint(const CastsslPem *key);

/*
 * A sentence that names the key's cipher, palloc'd; NULL if the key is not encrypted.  Adds an
 * error finding ("key_parse") if this OpenSSL does not have the cipher.
 */
extern const char *castssl_key_encryption(const CastsslPem *key, CastsslFindings *findings);

/*
 * Read the first private key of a PEM text as the server does.  Returns NULL and adds an
 * error finding ("key_parse") if there is no key, the key is damaged, or the key is
 * encrypted: nobody here knows its passphrase.
 */
extern EVP_PKEY *castssl_key_read(const CastsslPem *key, CastsslFindings *findings);

/*
 * Does the first private key of the text belong to the certificate?  False if the key is
 * unreadable or encrypted.
 */
extern bool castssl_key_fits(const CastsslPem *key, X509 *x509);

/*
 * Make a key: 'rsa:2048', 'rsa:3072', 'rsa:4096', 'ec:P-256', 'ec:P-384' or 'ed25519'.
 * For any other type, or on failure, returns NULL and adds an error finding ("key_type").
 */
extern EVP_PKEY *castssl_key_generate(const char *key_type, CastsslFindings *findings);

/*
 * The key, unencrypted, in PKCS#8 form: as PEM, and as DER for JDBC. *length is the number of
 * bytes.  On failure returns NULL and adds an error finding ("key_write").
 */
extern char *castssl_key_pem(EVP_PKEY *key, size_t *length, CastsslFindings *findings);
extern char *castssl_key_pkcs8_der(EVP_PKEY *key, size_t *length, CastsslFindings *findings);

/* The digest for a signature with this key; NULL if the key type includes one (Ed25519). */
extern const EVP_MD *castssl_key_digest(EVP_PKEY *key);

#endif
