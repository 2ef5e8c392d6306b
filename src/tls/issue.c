/*
 * issue.c
 *		A small certificate authority: its own certificate, and the certificates that it
 *		issues.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/certificate.h"
#include "tls/instant.h"
#include "tls/issue.h"
#include "tls/judge.h"
#include "tls/key.h"
#include "tls/openssl.h"
#include "tls/request.h"

#define SERIAL_BITS 128
#define FOREVER (INT64CONST(10000) * 366 * 86400) /* dates end in the year 9999 anyway */

static void
add_error(CastsslFindings *findings, const char *check, const char *subject, const char *message,
		  const char *detail, const char *hint)
{
	castssl_finding_add(findings, CASTSSL_ERROR, check, subject, message, detail, hint);
}

static bool
set_serial(X509 *x509)
{
	BIGNUM *number = BN_new();
	bool ok = number != NULL;

	/* RFC 5280, section 4.1.2.2: the number must be positive */
	while (ok && BN_is_zero(number))
		ok = BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1;
	ok = ok && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != NULL;
	BN_free(number);
	return ok;
}

static bool
set_dates(X509 *x509, int64 not_before, int64 not_after)
{
	ASN1_TIME *from = castssl_asn1_time(not_before);
	ASN1_TIME *until = castssl_asn1_time(not_after);
	bool ok = from != NULL && until != NULL && X509_set1_notBefore(x509, from) == 1 &&
			  X509_set1_notAfter(x509, until) == 1;

	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	return ok;
}

/* value is in the syntax of openssl.cnf.  It must be a constant, never text of a request. */
static bool
add_extension(X509 *x509, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	bool ok;

	X509V3_set_ctx(&context, issuer, x509, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	ok = extension != NULL && X509_add_ext(x509, extension, -1) == 1;
	X509_EXTENSION_free(extension);
	return ok;
}

static bool
fill_ca(X509 *x509, const char *common_name, EVP_PKEY *key, int64 now, int64 valid_for)
{
	X509_NAME *name = X509_get_subject_name(x509);

	return X509_set_version(x509, 2) == 1 && set_serial(x509) &&
		   castssl_set_common_name(name, common_name) && X509_set_issuer_name(x509, name) == 1 &&
		   set_dates(x509, now - CASTSSL_CLOCK_SLACK, now + Min(valid_for, FOREVER)) &&
		   X509_set_pubkey(x509, key) == 1 &&
		   add_extension(x509, x509, NID_basic_constraints, "critical,CA:TRUE,pathlen:0") &&
		   add_extension(x509, x509, NID_key_usage, "critical,keyCertSign,cRLSign") &&
		   add_extension(x509, x509, NID_subject_key_identifier, "hash") &&
		   add_extension(x509, x509, NID_authority_key_identifier, "keyid:always") &&
		   X509_sign(x509, key, castssl_key_digest(key)) > 0;
}

char *
castssl_ca_make(const char *common_name, EVP_PKEY *key, int64 now, int64 valid_for,
				CastsslFindings *findings)
{
	X509 *x509 = castssl_adopt_x509(X509_new());
	char *pem = NULL;

	if (common_name[0] == '\0' || valid_for <= 0)
	{
		add_error(findings, "ca", common_name, "a CA needs a name and a time to be valid", NULL,
				  NULL);
		return NULL;
	}
	ERR_clear_error();
	if (x509 != NULL && fill_ca(x509, common_name, key, now, valid_for))
		pem = castssl_openssl_pem(x509, NULL);
	if (pem == NULL)
		castssl_openssl_add_error(findings, "ca", common_name, "could not make the CA certificate",
								  NULL);
	return pem;
}

bool
castssl_authority_read(const CastsslPem *certificate, const CastsslPem *key, int64 now,
					   CastsslAuthority *authority, CastsslFindings *findings)
{
	CastsslCertificates list = { 0 };
	const CastsslCertificate *ca;
	const char *name = certificate->name;

	if (!castssl_certificates_read(certificate->data, certificate->length, name, &list, findings))
		return false;
	ca = &list.items[0];
	authority->certificate = ca->x509;
	authority->key = castssl_key_read(key, findings);
	if (authority->key == NULL)
		return false;
	if (ca->x509 == NULL || X509_check_ca(ca->x509) == 0)
		add_error(findings, "ca", name, psprintf("\"%s\" is not a CA certificate", name), NULL,
				  NULL);
	else if (!castssl_openssl_has_key(ca->x509, authority->key))
		add_error(findings, "ca", name,
				  psprintf("the private key in \"%s\" does not belong to the CA certificate in "
						   "\"%s\"",
						   key->name, name),
				  NULL, "One of the two is not this CA's: put both back from a backup.");
	else if (now < ca->not_before || now >= ca->not_after)
		add_error(findings, "ca", name,
				  psprintf("the CA certificate in \"%s\" is not valid now", name),
				  psprintf("It is valid from %s to %s.", castssl_instant_text(ca->not_before),
						   castssl_instant_text(ca->not_after)),
				  NULL);
	else
		return true;
	ERR_clear_error();
	return false;
}

/* Is the key of the request EC with a named curve, RSA or Ed25519? */
static bool
is_usual_key(X509_REQ *request)
{
	int type = V_ASN1_UNDEF;
	X509_ALGOR *algorithm;

	switch (EVP_PKEY_base_id(X509_REQ_get0_pubkey(request)))
	{
		case EVP_PKEY_RSA:
		case EVP_PKEY_ED25519:
			return true;
		case EVP_PKEY_EC:
			if (X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm,
									   X509_REQ_get_X509_PUBKEY(request)))
				X509_ALGOR_get0(NULL, &type, NULL, algorithm);
			return type == V_ASN1_OBJECT;
		default:
			return false;
	}
}

/* Does the name have no common name, or only one, with 1 to 64 printable characters? */
static bool
has_usual_name(X509_NAME *name)
{
	int index = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *text = NULL;
	int characters = 0;
	int length;
	bool usual = true;

	if (index < 0)
		return true;
	if (X509_NAME_get_index_by_NID(name, NID_commonName, index) >= 0)
		return false;
	length = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, index)));
	for (int i = 0; i < length; i++)
	{
		/* U+0080 to U+009F are control characters, too */
		usual = usual && text[i] >= ' ' && text[i] != 0x7F &&
				!(text[i] == 0xC2 && i + 1 < length && text[i + 1] < 0xA0);
		characters += (text[i] & 0xC0) != 0x80;
	}
	OPENSSL_free(text);
	ERR_clear_error();
	return usual && characters >= 1 && characters <= 64;
}

/* May the CA issue a certificate for this request? */
static bool
check_request(X509_REQ *request, const char *subject, const GENERAL_NAMES *names,
			  CastsslPurpose purpose, CastsslFindings *findings)
{
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);
	X509_NAME *name = X509_REQ_get_subject_name(request);

	if (EVP_PKEY_security_bits(key) < CASTSSL_SECURITY_BITS_WANTED)
	{
		add_error(findings, "weak", subject, "the key of the request is too weak",
				  psprintf("It has %d bits and a strength of %d bits; at least %d are needed.",
						   EVP_PKEY_bits(key), EVP_PKEY_security_bits(key),
						   CASTSSL_SECURITY_BITS_WANTED),
				  "Make a request with a key of type ec:P-256, for example.");
		return false;
	}
	if (!is_usual_key(request))
	{
		add_error(findings, "request", subject, "a key of this kind is not supported",
				  "The key of the request is neither EC by named curve nor RSA nor Ed25519.",
				  "Make a request with a key of type ec:P-256, for example.");
		return false;
	}
	if (purpose == CASTSSL_FOR_CLIENT && X509_NAME_get_index_by_NID(name, NID_commonName, -1) < 0)
	{
		add_error(findings, "request", subject, "the request has no common name",
				  "PostgreSQL knows a client by the common name (CN) of its certificate.", NULL);
		return false;
	}
	if (!has_usual_name(name))
	{
		add_error(findings, "request", subject,
				  "the request does not have one common name of 1 to 64 printable characters",
				  "PostgreSQL knows a client by the common name (CN) of its certificate.  There "
				  "must be one, without control characters.",
				  "Make a request with the user name as its only common name.");
		return false;
	}
	if (purpose == CASTSSL_FOR_SERVER && names == NULL)
	{
		add_error(findings, "request", subject, "the request has no subject alternative name",
				  "Clients look for the name of the server there.",
				  "Make a request with the names that clients connect to.");
		return false;
	}
	return true;
}

static bool
fill_certificate(X509 *x509, X509_REQ *request, const CastsslAuthority *authority,
				 GENERAL_NAMES *names, CastsslPurpose purpose)
{
	X509_NAME *subject = X509_REQ_get_subject_name(request);
	EVP_PKEY *key = X509_REQ_get0_pubkey(request);
	bool rsa = EVP_PKEY_base_id(key) == EVP_PKEY_RSA;

	return X509_set_version(x509, 2) == 1 && set_serial(x509) &&
		   X509_set_subject_name(x509, subject) == 1 &&
		   X509_set_issuer_name(x509, X509_get_subject_name(authority->certificate)) == 1 &&
		   X509_set_pubkey(x509, key) == 1 &&
		   add_extension(x509, authority->certificate, NID_basic_constraints,
						 "critical,CA:FALSE") &&
		   /* TLS 1.2 without forward secrecy encrypts with the RSA key. */
		   add_extension(x509, authority->certificate, NID_key_usage,
						 rsa ? "critical,digitalSignature,keyEncipherment"
							 : "critical,digitalSignature") &&
		   add_extension(x509, authority->certificate, NID_ext_key_usage,
						 purpose == CASTSSL_FOR_CLIENT ? "clientAuth" : "serverAuth") &&
		   add_extension(x509, authority->certificate, NID_subject_key_identifier, "hash") &&
		   add_extension(x509, authority->certificate, NID_authority_key_identifier,
						 "keyid:always") &&
		   /* RFC 5280, section 4.2.1.6: critical if the subject is empty. */
		   (names == NULL ||
			X509_add1_ext_i2d(x509, NID_subject_alt_name, names,
							  X509_NAME_entry_count(subject) == 0, X509V3_ADD_DEFAULT) == 1);
}

/* The dates of the certificate, which do not exceed those of the CA. */
static bool
date_certificate(X509 *x509, const CastsslAuthority *authority, const char *subject, int64 now,
				 int64 valid_for, CastsslFindings *findings)
{
	int64 not_before = 0;
	int64 not_after = 0;
	int64 until = now + Min(valid_for, FOREVER);

	if (!castssl_asn1_seconds(X509_get0_notBefore(authority->certificate), &not_before) ||
		!castssl_asn1_seconds(X509_get0_notAfter(authority->certificate), &not_after) ||
		valid_for <= 0 || now >= not_after)
	{
		add_error(findings, "certificate_dates", subject, "the certificate would never be valid",
				  psprintf("It would end on %s, and its CA ends on %s.",
						   castssl_instant_text(until), castssl_instant_text(not_after)),
				  NULL);
		return false;
	}
	if (until > not_after)
	{
		castssl_finding_add(findings, CASTSSL_WARNING, "certificate_dates", subject,
							"the certificate ends with its CA",
							psprintf("It is valid until %s, not %s.",
									 castssl_instant_text(not_after), castssl_instant_text(until)),
							"Make a new CA in time.");
		until = not_after;
	}
	return set_dates(x509, Max(now - CASTSSL_CLOCK_SLACK, not_before), until);
}

char *
castssl_request_sign(const CastsslPem *request, const CastsslAuthority *authority, int64 now,
					 int64 valid_for, CastsslPurpose purpose, CastsslFindings *findings)
{
	X509_REQ *parsed = castssl_request_read(request, findings);
	GENERAL_NAMES *names = NULL;
	X509 *x509;
	char *pem = NULL;

	if (parsed == NULL || !castssl_request_names(parsed, request->name, &names, findings) ||
		!check_request(parsed, request->name, names, purpose, findings))
		return NULL;
	x509 = castssl_adopt_x509(X509_new());
	if (x509 != NULL && !date_certificate(x509, authority, request->name, now, valid_for, findings))
		return NULL;
	ERR_clear_error();
	if (x509 != NULL && fill_certificate(x509, parsed, authority, names, purpose) &&
		X509_sign(x509, authority->key, castssl_key_digest(authority->key)) > 0)
		pem = castssl_openssl_pem(x509, NULL);
	if (pem == NULL)
		castssl_openssl_add_error(findings, "request", request->name, "could not sign the request",
								  NULL);
	return pem;
}
