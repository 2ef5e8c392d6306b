/*
 * pkcs12.h
 *		Key, certificate and CA in one file, for .NET and Java (RFC 7292).
 */
#ifndef CASTSSL_TLS_PKCS12_H
#define CASTSSL_TLS_PKCS12_H

#include "tls/certificate.h"

/*
 * PKCS#12 in DER form, encrypted with the password: AES-256-CBC, and an HMAC-SHA-256
 * over everything. ca may be NULL; name is the friendly name (Java: the alias).  The bytes are
 * palloc'd, and wiped with the memory context (castssl_openssl_secret).  On failure returns NULL
 * and adds an error finding ("pkcs12").
 */
extern char *castssl_pkcs12_make(EVP_PKEY *key, X509 *certificate, const CastsslCertificates *ca,
								 const char *name, const char *password, size_t *length,
								 CastsslFindings *findings);

#endif
