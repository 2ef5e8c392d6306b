/*
 * certificate.h
 *		Facts of certificates and certificate revocation lists (RFC 5280).
 *
 * Pure: PEM text in, values out; nothing is raised except out of memory.
 * Compiles with FRONTEND too.  The OpenSSL handles hang on the memory context
 * that was current (tls/openssl.h), the strings are palloc'd there.
 */
#ifndef CASTSSL_TLS_CERTIFICATE_H
#define CASTSSL_TLS_CERTIFICATE_H

#include <openssl/x509.h>

#include "base/finding.h"

typedef struct CastsslIpAddress
{
	uint8 family;      /* 4 or 6 */
	uint8 address[16]; /* network byte order */
} CastsslIpAddress;

/* One certificate or, where crl is set, one CRL. */
typedef struct CastsslCertificate
{
	int position;           /* in its PEM text, from 1, certificates and CRLs counted together */
	X509 *x509;             /* NULL for a CRL, and where facts alone were read */
	X509_CRL *crl;          /* NULL for a certificate */
	bool trusted;           /* a "TRUSTED CERTIFICATE", with OpenSSL's own settings behind it */
	const char *subject;    /* RFC 2253, UTF-8; NULL for a CRL; "" for an empty name */
	const char *issuer;     /* RFC 2253, UTF-8 */
	const char *serial;     /* lower-case hex, as "openssl x509 -serial" (which prints upper-case);
							   a CRL: its CRL number, NULL if it has none */
	int64 not_before;       /* seconds since 1970-01-01 00:00 UTC; a CRL: lastUpdate */
	int64 not_after;        /* a CRL: nextUpdate; INT64_MAX if it has none */
	const char **dns_names; /* subjectAltName dNSName; bytes other than printable ASCII as \hh */
	int ndns_names;
	CastsslIpAddress *ip_addresses; /* subjectAltName iPAddress */
	int nip_addresses;
	const char *key_algorithm;       /* "RSA", "RSA-PSS", "EC", "ED25519", ...; NULL for a CRL */
	int key_bits;                    /* 0 for a CRL, and where this OpenSSL cannot read the key */
	const char *signature_algorithm; /* OpenSSL's long name: "sha256WithRSAEncryption", ... */
	bool is_ca;              /* basicConstraints CA:TRUE; a version 1 self-signed certificate too */
	bool self_signed;        /* subject = issuer and the same key by its identifiers, or else
							  * by the signature */
	const char *fingerprint; /* SHA-256 of the DER form, lower-case hex without colons */
} CastsslCertificate;

typedef struct CastsslCertificates
{
	CastsslCertificate *items;
	int count;
	int capacity;
} CastsslCertificates;

/*
 * Read every certificate and CRL of a PEM text, in order; other PEM blocks
 * (a private key, say) are passed over.  True when there is at least one and
 * all could be read; otherwise one error finding ("certificate_parse") says what
 * is wrong and where (and items holds those before it).  subject names the
 * text: a file name.
 */
extern bool castssl_certificates_read(const char *pem, size_t length, const char *subject,
									  CastsslCertificates *certificates, CastsslFindings *findings);

/*
 * The same, several times faster, with the facts of certificates alone: x509 is NULL,
 * for their public keys are not read where the facts do not need them.
 */
extern bool castssl_certificates_read_facts(const char *pem, size_t length, const char *subject,
											CastsslCertificates *certificates,
											CastsslFindings *findings);

/* The first certificate, which the server takes for its own whatever is before it; NULL: none. */
extern const CastsslCertificate *
castssl_certificates_first(const CastsslCertificates *certificates);

/* SHA-256 fingerprint as above; palloc'd. */
extern char *castssl_certificate_fingerprint(const X509 *x509);

/* An X509_NAME in RFC 2253 form, UTF-8; palloc'd. */
extern char *castssl_name_rfc2253(const X509_NAME *name);

/*
 * An X509_NAME as pg_stat_ssl shows it, "/CN=...": palloc'd (PostgreSQL:
 * X509_NAME_to_cstring; the view cuts it to NAMEDATALEN - 1 bytes).
 */
extern char *castssl_name_slashes(const X509_NAME *name);

#endif
