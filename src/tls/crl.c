/*
 * crl.c
 *		Certificate revocation lists of our own CA (RFC 5280, section 5).
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
#include "tls/crl.h"
#include "tls/instant.h"
#include "tls/key.h"
#include "tls/openssl.h"

/* removeFromCRL (8) is left out: only delta CRLs use it, and the server does not read those. */
static const struct
{
	const char *name;
	int code;
} reasons[] = {
	{ "unspecified", 0 },        { "keyCompromise", 1 },      { "cACompromise", 2 },
	{ "affiliationChanged", 3 }, { "superseded", 4 },         { "cessationOfOperation", 5 },
	{ "certificateHold", 6 },    { "privilegeWithdrawn", 9 }, { "aACompromise", 10 },
};

/* -1 if there is no such reason. */
static int
reason_code(const char *reason)
{
	for (int i = 0; i < lengthof(reasons); i++)
	{
		if (strcmp(reason, reasons[i].name) == 0)
			return reasons[i].code;
	}
	return -1;
}

bool
castssl_is_revocation_reason(const char *reason)
{
	return reason_code(reason) >= 0;
}

const char *
castssl_revocation_reasons(void)
{
	return "unspecified, keyCompromise, cACompromise, affiliationChanged, superseded, "
		   "cessationOfOperation, certificateHold, privilegeWithdrawn or aACompromise";
}

static bool
set_serial(X509_REVOKED *entry, const char *hex)
{
	BIGNUM *number = NULL;
	ASN1_INTEGER *serial = NULL;
	bool ok = BN_hex2bn(&number, hex) == (int) strlen(hex) && hex[0] != '\0';

	if (ok)
		serial = BN_to_ASN1_INTEGER(number, NULL);
	ok = serial != NULL && X509_REVOKED_set_serialNumber(entry, serial) == 1;
	ASN1_INTEGER_free(serial);
	BN_free(number);
	return ok;
}

static bool
set_reason(X509_REVOKED *entry, int code)
{
	ASN1_ENUMERATED *value;
	bool ok;

	/* RFC 5280, section 5.3.1: omit the reason instead of saying "unspecified". */
	if (code == 0)
		return true;
	value = ASN1_ENUMERATED_new();
	ok = value != NULL && ASN1_ENUMERATED_set(value, code) == 1 &&
		 X509_REVOKED_add1_ext_i2d(entry, NID_crl_reason, value, 0, X509V3_ADD_DEFAULT) == 1;
	ASN1_ENUMERATED_free(value);
	return ok;
}

static bool
add_entry(X509_CRL *crl, const CastsslRevocation *revocation)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_TIME *date = castssl_asn1_time(revocation->revoked_at);
	int code = reason_code(revocation->reason);
	bool ok = entry != NULL && date != NULL && code >= 0 && set_serial(entry, revocation->serial) &&
			  X509_REVOKED_set_revocationDate(entry, date) == 1 && set_reason(entry, code) &&
			  X509_CRL_add0_revoked(crl, entry) == 1;

	ASN1_TIME_free(date);
	if (!ok)
		X509_REVOKED_free(entry);
	return ok;
}

static bool
set_dates(X509_CRL *crl, int64 now, int64 next_update)
{
	/* A CRL that is not valid yet would lock out every client of the CA. */
	ASN1_TIME *from = castssl_asn1_time(now - CASTSSL_CLOCK_SLACK);
	ASN1_TIME *until = castssl_asn1_time(next_update);
	bool ok = from != NULL && until != NULL && X509_CRL_set1_lastUpdate(crl, from) == 1 &&
			  X509_CRL_set1_nextUpdate(crl, until) == 1;

	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
	return ok;
}

static bool
add_extensions(X509_CRL *crl, X509 *issuer, int64 number)
{
	X509V3_CTX context;
	X509_EXTENSION *key_id;
	ASN1_INTEGER *crl_number = ASN1_INTEGER_new();
	bool ok;

	X509V3_set_ctx(&context, issuer, NULL, NULL, crl, 0);
	key_id = X509V3_EXT_conf_nid(NULL, &context, NID_authority_key_identifier, "keyid:always");
	ok = key_id != NULL && X509_CRL_add_ext(crl, key_id, -1) == 1 && crl_number != NULL &&
		 ASN1_INTEGER_set_int64(crl_number, number) == 1 &&
		 X509_CRL_add1_ext_i2d(crl, NID_crl_number, crl_number, 0, X509V3_ADD_DEFAULT) == 1;
	X509_EXTENSION_free(key_id);
	ASN1_INTEGER_free(crl_number);
	return ok;
}

char *
castssl_crl_make(const CastsslAuthority *authority, const CastsslRevocation *revocations, int count,
				 int64 number, int64 now, int64 next_update, CastsslFindings *findings)
{
	X509_CRL *crl = castssl_adopt_crl(X509_CRL_new());
	BIO *bio;
	bool ok;

	ERR_clear_error();
	ok = crl != NULL && X509_CRL_set_version(crl, 1) == 1 &&
		 X509_CRL_set_issuer_name(crl, X509_get_subject_name(authority->certificate)) == 1 &&
		 set_dates(crl, now, next_update) && add_extensions(crl, authority->certificate, number);
	for (int i = 0; ok && i < count; i++)
	{
		ok = add_entry(crl, &revocations[i]);
		if (!ok)
		{
			castssl_finding_add(findings, CASTSSL_ERROR, "crl", revocations[i].serial,
								"could not add an entry to the CRL",
								psprintf("Serial number \"%s\", reason \"%s\".",
										 revocations[i].serial, revocations[i].reason),
								psprintf("A reason is one of %s.", castssl_revocation_reasons()));
			ERR_clear_error();
			return NULL;
		}
	}
	ok = ok && X509_CRL_sort(crl) == 1 &&
		 X509_CRL_sign(crl, authority->key, castssl_key_digest(authority->key)) > 0;
	bio = ok ? BIO_new(BIO_s_mem()) : NULL;
	if (bio != NULL && PEM_write_bio_X509_CRL(bio, crl) == 1)
		return castssl_openssl_bytes(bio, NULL);
	BIO_free_all(bio);
	castssl_openssl_add_error(findings, "crl", NULL, "could not make the CRL", NULL);
	return NULL;
}

char *
castssl_crl_replace(const char *crls, size_t length, X509 *ca, const char *crl,
					CastsslFindings *findings)
{
	CastsslCertificates read = { 0 };
	BIO *bio;

	if (!castssl_certificates_read(crls, length, "CRL file", &read, findings))
		return NULL;
	bio = BIO_new(BIO_s_mem());
	for (int i = 0; bio && i < read.count; i++)
	{
		X509_CRL *other = read.items[i].crl;

		/* Compare the key, not the name: an older CA may have had the same name. */
		if (other && X509_CRL_verify(other, X509_get0_pubkey(ca)) != 1)
			PEM_write_bio_X509_CRL(bio, other);
	}
	ERR_clear_error();
	if (bio == NULL || BIO_puts(bio, crl) <= 0)
	{
		/* LCOV_EXCL_START: out of memory */
		BIO_free(bio);
		castssl_finding_add(findings, CASTSSL_ERROR, "crl", "CRL file", "could not write the CRLs",
							castssl_openssl_error(), NULL);
		return NULL;
		/* LCOV_EXCL_STOP */
	}
	return castssl_openssl_bytes(bio, NULL);
}
