/*
 * revoked.c
 *		Do CRLs revoke a certificate of which only issuer and serial number are known?
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>

#include "tls/revoked.h"

static ASN1_INTEGER *
read_serial(const char *decimal)
{
	BIGNUM *number = NULL;
	ASN1_INTEGER *serial = NULL;

	if (BN_dec2bn(&number, decimal) > 0)
		serial = BN_to_ASN1_INTEGER(number, NULL);
	BN_free(number);
	return serial;
}

/* Is issuer, which may be cut to NAMEDATALEN - 1 bytes, this name? */
static bool
fits(const char *name, const char *issuer)
{
	size_t length = strlen(issuer);

	return strncmp(name, issuer, length) == 0 &&
		   (name[length] == '\0' || length == NAMEDATALEN - 1);
}

/* Do the CRLs of the CA with that name revoke its certificate with that number? */
static CastsslRevoked
revoked_by(const CastsslCertificates *crls, const char *name, ASN1_INTEGER *number)
{
	CastsslRevoked answer = CASTSSL_WITHOUT_CRL;

	for (int i = 0; i < crls->count && answer != CASTSSL_REVOKED; i++)
	{
		X509_CRL *crl = crls->items[i].crl;
		X509_REVOKED *entry;
		char *own;

		if (crl == NULL)
			continue;
		own = castssl_name_slashes(X509_CRL_get_issuer(crl));
		if (strcmp(own, name) == 0)
			answer = X509_CRL_get0_by_serial(crl, &entry, number) == 1 ? CASTSSL_REVOKED
																	   : CASTSSL_NOT_REVOKED;
		pfree(own);
	}
	return answer;
}

/*
 * Does the server accept no CA of that name, because one or a CA above it is revoked?  False
 * if issuers is NULL.
 */
static bool
is_issuer_revoked(const CastsslIssuers *issuers, const char *name)
{
	bool revoked = false;

	for (int i = 0; issuers && i < issuers->count; i++)
	{
		if (strcmp(issuers->names[i], name) != 0)
			continue;
		if (issuers->errors[i] == X509_V_OK)
			return false;
		revoked |= issuers->errors[i] == X509_V_ERR_CERT_REVOKED;
	}
	return revoked;
}

CastsslRevoked
castssl_revoked(const CastsslCertificates *crls, const CastsslIssuers *issuers, const char *issuer,
				const char *serial)
{
	ASN1_INTEGER *number = read_serial(serial);
	CastsslRevoked answer = CASTSSL_WITHOUT_CRL;
	int nissuers = issuers ? issuers->count : 0;
	bool found = false;

	/* look at the issuers of the CRLs, then at the CAs */
	for (int i = 0; i < crls->count + nissuers && number != NULL; i++)
	{
		X509_CRL *crl = i < crls->count ? crls->items[i].crl : NULL;
		const char *name = i >= crls->count ? issuers->names[i - crls->count]
						   : crl            ? castssl_name_slashes(X509_CRL_get_issuer(crl))
											: NULL;
		CastsslRevoked one;

		if (name == NULL || !fits(name, issuer))
			continue;
		one = revoked_by(crls, name, number);
		if (one == CASTSSL_NOT_REVOKED && is_issuer_revoked(issuers, name))
			one = CASTSSL_ISSUER_REVOKED;
		answer = found && one != answer ? CASTSSL_PERHAPS_REVOKED : one;
		found = true;
		if (answer == CASTSSL_PERHAPS_REVOKED)
			break;
	}
	if (number == NULL)
		answer = CASTSSL_NOT_REVOKED;
	ASN1_INTEGER_free(number);
	ERR_clear_error();
	return answer;
}

int
castssl_revocations_dropped(const CastsslCertificates *before, const CastsslCertificates *after)
{
	int dropped = 0;

	for (int i = 0; i < before->count; i++)
	{
		X509_CRL *crl = before->items[i].crl;
		STACK_OF(X509_REVOKED) *entries = crl ? X509_CRL_get_REVOKED(crl) : NULL;
		char *name = crl ? castssl_name_slashes(X509_CRL_get_issuer(crl)) : NULL;

		for (int j = 0; entries && j < sk_X509_REVOKED_num(entries); j++)
		{
			ASN1_INTEGER *number = unconstify(
				ASN1_INTEGER *, X509_REVOKED_get0_serialNumber(sk_X509_REVOKED_value(entries, j)));

			if (after == NULL || revoked_by(after, name, number) == CASTSSL_NOT_REVOKED)
				dropped++;
		}
	}
	return dropped;
}
