/*
 * encryption.h
 *		The ciphers that private keys and PKCS#12 files are encrypted with.
 *
 * OpenSSL 3 has the ciphers of old files in its "legacy" provider.  The server does not load
 * this provider, and the command "openssl" loads it only on request.
 */
#ifndef CASTSSL_TLS_ENCRYPTION_H
#define CASTSSL_TLS_ENCRYPTION_H

/*
 * The cipher that the private key of a PEM block is encrypted with, as OpenSSL calls it; NULL if
 * that is unknown, or the key is not encrypted.  name, header and the DER bytes are those of the
 * block.  *legacy: this OpenSSL cannot decrypt it.  Leaves OpenSSL's queue empty.
 */
extern const char *castssl_encryption_of_key(const char *name, const char *header,
											 const unsigned char *der, long length, bool *legacy);

/* Is a part of this PKCS#12 file encrypted with a cipher that this OpenSSL does not decrypt? */
extern bool castssl_encryption_is_legacy_pkcs12(const unsigned char *der, long length);

#endif
