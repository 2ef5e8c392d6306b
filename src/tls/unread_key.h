/*
 * unread_key.h
 *		Reads a certificate without its public key.
 *
 * Pure, like tls/certificate.h.
 */
#ifndef CASTSSL_TLS_UNREAD_KEY_H
#define CASTSSL_TLS_UNREAD_KEY_H

#include <openssl/x509.h>

/*
 * Read a certificate in DER form without its public key, if its facts do not need the
 * key. *key_bits is set to the size of the key, as EVP_PKEY_bits() gives it.  The caller
 * frees the certificate, and must not verify or compare with it: X509_get0_pubkey()
 * returns NULL.  NULL: read the certificate as usual, because the key is needed or to
 * get OpenSSL's error; the error queue is empty.  Always NULL with OpenSSL before 3.0,
 * where this would save nothing.
 */
extern X509 *castssl_x509_without_key(const unsigned char *der, long length, int *key_bits);

#endif
