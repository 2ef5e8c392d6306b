/*
 * request.h
 *		Certificate signing requests (PKCS#10, RFC 2986).
 */
#ifndef CASTSSL_TLS_REQUEST_H
#define CASTSSL_TLS_REQUEST_H

#include <openssl/x509v3.h>

#include "tls/certificate.h"
#include "tls/pem.h"

/* The subject alternative names of a request or certificate to be. */
typedef struct CastsslNames
{
	const char *const *dns_names;
	int ndns_names;
	const CastsslIpAddress *ip_addresses;
	int nip_addresses;
} CastsslNames;

/*
 * A request with subject CN=common_name (UTF-8, up to 64 characters; "" for an
 * empty subject) and the given names, signed with its key: PEM, palloc'd.
 * NULL and an error finding ("request") when a name is not allowed.
 */
extern char *castssl_request_make(EVP_PKEY *key, const char *common_name, const CastsslNames *names,
								  CastsslFindings *findings);

/*
 * Read a request and verify the signature, the proof that whoever made it has
 * the key.  NULL and an error finding ("request").  The handle is adopted.
 */
extern X509_REQ *castssl_request_read(const CastsslPem *request, CastsslFindings *findings);

/*
 * The names of a request that a certificate may carry: DNS, IP address, e-mail
 * and URI; a warning tells of others.  *names gets NULL if there are none, else
 * they are adopted.  False and an error finding if they are malformed.
 */
extern bool castssl_request_names(X509_REQ *request, const char *subject, GENERAL_NAMES **names,
								  CastsslFindings *findings);

/* Is it a host name that a certificate can hold: ASCII, labels of RFC 1034, "*." in front at most?
 */
extern bool castssl_is_dns_name(const char *name);

/* Set CN of an X509_NAME; false when it is not allowed (the error is in OpenSSL's queue). */
extern bool castssl_set_common_name(X509_NAME *name, const char *common_name);

#endif
