/*
 * openssl.h
 *		OpenSSL handles that are always freed, and the text of OpenSSL's errors.
 */
#ifndef CASTSSL_TLS_OPENSSL_H
#define CASTSSL_TLS_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "base/finding.h"

/*
 * Arrange that release(handle) is called when the current memory context goes away, by
 * ERROR or otherwise.  With FRONTEND: at exit.  Returns handle; NULL stays NULL.
 */
extern void *castssl_openssl_adopt(void *handle, void (*release)(void *handle));

/* As above for the types in use here.  Each returns its argument. */
extern X509 *castssl_adopt_x509(X509 *x509);
extern X509_REQ *castssl_adopt_request(X509_REQ *request);
extern X509_CRL *castssl_adopt_crl(X509_CRL *crl);
extern X509_STORE *castssl_adopt_store(X509_STORE *store);
extern EVP_PKEY *castssl_adopt_key(EVP_PKEY *key);
extern GENERAL_NAMES *castssl_adopt_names(GENERAL_NAMES *names);
extern STACK_OF(X509) *
	castssl_adopt_list(STACK_OF(X509) * list); /* only the list, not its items */

#ifdef FRONTEND
/* Release everything adopted so far, the newest first: for a fuzzer, between two runs. */
extern void castssl_openssl_release_all(void);

#endif

/*
 * The text of the oldest error in OpenSSL's queue, palloc'd; clears the queue.  "unknown
 * error" if the queue is empty.
 */
extern char *castssl_openssl_error(void);

/* Append a finding of CASTSSL_ERROR with that text as its detail. */
extern void castssl_openssl_add_error(CastsslFindings *findings, const char *check,
									  const char *subject, const char *message, const char *hint);

/*
 * Is this the certificate of the key?  Is it signed with the key?  Both leave OpenSSL's error
 * queue empty, because other code of this process reads the queue too.
 */
extern bool castssl_openssl_has_key(X509 *x509, EVP_PKEY *key);
extern bool castssl_openssl_is_signed_with(X509 *x509, EVP_PKEY *key);

/*
 * The bytes written to a memory BIO, palloc'd, with a zero byte after them. *length (may
 * be NULL) is set to their number.  Frees and wipes bio, even when out of memory.
 */
extern char *castssl_openssl_bytes(BIO *bio, size_t *length);

/* first (may be NULL) and the certificates of the list (may be NULL) as PEM; palloc'd. */
extern char *castssl_openssl_pem(X509 *first, STACK_OF(X509) * list);

/*
 * Arrange that a secret, in memory of the current memory context, is wiped when the
 * context goes away, by ERROR or otherwise.  Neither pfree nor repalloc it.
 */
extern void castssl_openssl_wipe_later(char *data, size_t length);

/* Like castssl_openssl_bytes, for a secret. */
extern char *castssl_openssl_secret(BIO *bio, size_t *length);

/* Bytes as lower-case hex, two digits each.  Palloc'd. */
extern char *castssl_lower_hex(const unsigned char *bytes, size_t length);

#endif
