/*
 * request.h
 *		Certificate signing requests (PKCS#10, RFC 2986).
 */
#ifndef CASTSSL_TLS_REQUEST_H
#define CASTSSL_TLS_REQUEST_H

#include <openssl/x509v3.h>

#include "tls/certificate.h"
#include "tls/pem.h"

/* The subject alternative names for a new request or certificate. */
typedef struct CastsslNames
{
	const char *const *dns_names;
	int ndns_names;
	const CastsslIpAddress *ip_addresses;
	int nip_addresses;
} CastsslNames;

/*
 * Make a request with subject CN=common_name (UTF-8, up to 64 characters; "" for an
 * empty subject) and the given names, signed with the key: PEM, palloc'd.  On failure, or if
 * a name is not allowed, returns NULL and adds an error finding ("request").
 */
extern char *castssl_request_make(EVP_PKEY *key, const char *common_name, const CastsslNames *names,
								  CastsslFindings *findings);

/*
 * Read a request and verify its signature, which proves that its author has the key.  On
 * failure returns NULL and adds an error finding ("request").  The current memory
 * context owns the handle.
 */
extern X509_REQ *castssl_request_read(const CastsslPem *request, CastsslFindings *findings);

/*
 * Set *names to the subject alternative names of a request that a certificate may have: DNS,
 * IP address, e-mail and URI.  If the request has others, adds a warning finding. *names is NULL
 * if there are none; otherwise the current memory context owns them.  If they are malformed,
 * returns false and adds an error finding.
 */
extern bool castssl_request_names(X509_REQ *request, const char *subject, GENERAL_NAMES **names,
								  CastsslFindings *findings);

/*
 * Is this a host name for a certificate: ASCII, labels as in RFC 1034 (underscores allowed),
 * optionally "*." in front?
 */
extern bool castssl_is_dns_name(const char *name);

/*
 * The common name of a request whose subject is nothing else, if its text in UTF-8 has the bytes
 * that stand in the request, palloc'd; else NULL.  PostgreSQL takes those bytes for the name, and
 * OpenSSL makes the DN from the text: of any other subject the two may name different roles.
 */
extern char *castssl_request_only_name(X509_REQ *request);

/*
 * Set CN of an X509_NAME.  Returns false if the name is not allowed; the error is in
 * OpenSSL's queue.
 */
extern bool castssl_set_common_name(X509_NAME *name, const char *common_name);

#endif
