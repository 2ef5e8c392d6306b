/*
 * unread_key.h
 *		A certificate read without its public key.
 *
 * Pure, as tls/certificate.h.
 */
#ifndef CASTSSL_TLS_UNREAD_KEY_H
#define CASTSSL_TLS_UNREAD_KEY_H

#include <openssl/x509.h>

/*
 * A certificate in DER form that can tell all its facts without its public key; in
 * *key_bits the size of that, as EVP_PKEY_bits() says it.  The caller frees it, and
 * neither verifies nor compares with it: X509_get0_pubkey() returns NULL.  NULL: read
 * it as usual, whether to have its key or OpenSSL's error (whose queue is empty now).
 * With OpenSSL before 3.0, where it would gain nothing, always NULL.
 */
extern X509 *castssl_x509_without_key(const unsigned char *der, long length, int *key_bits);

#endif
