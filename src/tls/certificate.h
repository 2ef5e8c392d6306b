/*
 * certificate.h
 *		Facts of certificates and certificate revocation lists (RFC 5280).
 *
 * Pure: PEM text in, values out.  Raises nothing except out of memory.  Compiles with
 * FRONTEND too.  The current memory context owns the OpenSSL handles (tls/openssl.h)
 * and the palloc'd strings.
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
	/* in its PEM text, from 1; certificates and CRLs are counted together */
	int position;
	X509 *x509;    /* NULL for a CRL, and if only the facts were read */
	X509_CRL *crl; /* NULL for a certificate */
	/* a "TRUSTED CERTIFICATE", which carries OpenSSL's own trust settings */
	bool trusted;
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
	int key_bits;                    /* 0 for a CRL, and for a key that this OpenSSL cannot read */
	const char *signature_algorithm; /* OpenSSL's long name: "sha256WithRSAEncryption", ... */
	/* basicConstraints CA:TRUE, or a self-signed certificate of version 1 */
	bool is_ca;
	/*
	 * subject and issuer are the same name and have the same key, by the key identifiers, else
	 * by the signature.  If only the facts were read, no signature is verified: without
	 * identifiers the key counts as the same.
	 */
	bool self_signed;
	const char *fingerprint; /* SHA-256 of the DER form, lower-case hex without colons */
} CastsslCertificate;

typedef struct CastsslCertificates
{
	CastsslCertificate *items;
	int count;
	int capacity;
} CastsslCertificates;

/*
 * Read every certificate and CRL of a PEM text, in order.  Skip other PEM blocks, for
 * example a private key.  Returns true if there is at least one and all can be read.
 * Otherwise adds one error finding ("certificate_parse") that says what is wrong and
 * where; items then holds those before the error. subject names the text in findings: a
 * file name.
 */
extern bool castssl_certificates_read(const char *pem, size_t length, const char *subject,
									  CastsslCertificates *certificates, CastsslFindings *findings);

/*
 * As above, but several times faster: x509 of each certificate is NULL, and public keys are
 * read only if the facts need them.
 */
extern bool castssl_certificates_read_facts(const char *pem, size_t length, const char *subject,
											CastsslCertificates *certificates,
											CastsslFindings *findings);

/*
 * The first certificate, which the server uses as its own, also after other blocks.  NULL:
 * there is none.
 */
extern const CastsslCertificate *
castssl_certificates_first(const CastsslCertificates *certificates);

/* The position, from 1, of the first certificate with this key; 0: none has it. */
extern int castssl_certificates_with_key(const CastsslCertificates *certificates, EVP_PKEY *key);

/* The first certificate of a PEM text.  False: there is none, and a finding says why. */
extern bool castssl_certificates_read_first(const char *pem, size_t length, const char *subject,
											CastsslCertificate *certificate,
											CastsslFindings *findings);

/* SHA-256 fingerprint as above; palloc'd. */
extern char *castssl_certificate_fingerprint(const X509 *x509);

/* An X509_NAME in RFC 2253 form, UTF-8; palloc'd. */
extern char *castssl_name_rfc2253(const X509_NAME *name);

/* The same, all but ASCII escaped: what the server compares of a client with clientname=DN. */
extern char *castssl_name_ascii(const X509_NAME *name);

/*
 * An X509_NAME as pg_stat_ssl shows it, "/CN=..."; palloc'd.  PostgreSQL:
 * X509_NAME_to_cstring; the view cuts the name to NAMEDATALEN - 1 bytes.
 */
extern char *castssl_name_slashes(const X509_NAME *name);

/*
 * The CN in a name of that form, palloc'd; "" if it has none.  The form does not escape slashes
 * in values: a slash begins a new attribute if the name of one follows ("/OU=").  NULL if the CN
 * is ambiguous: two attributes look like a CN, or a character is escaped.
 */
extern char *castssl_name_slashes_cn(const char *name);

#endif
