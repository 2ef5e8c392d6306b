/*
 * revoked.c
 *		Do CRLs refuse a certificate of which only issuer and serial number are known?
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/bn.h>
#include <openssl/err.h>

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

CastsslRevoked
castssl_revoked(const CastsslCertificates *crls, const char *issuer, const char *serial)
{
	ASN1_INTEGER *number = read_serial(serial);
	CastsslRevoked answer = CASTSSL_WITHOUT_CRL;

	for (int i = 0; i < crls->count && number != NULL && answer != CASTSSL_REVOKED; i++)
	{
		X509_CRL *crl = crls->items[i].crl;
		X509_REVOKED *entry;
		char *name;

		if (crl == NULL)
			continue;
		name = castssl_name_slashes(X509_CRL_get_issuer(crl));
		if (strncmp(name, issuer, NAMEDATALEN - 1) == 0)
			answer = X509_CRL_get0_by_serial(crl, &entry, number) == 1 ? CASTSSL_REVOKED
																	   : CASTSSL_NOT_REVOKED;
		pfree(name);
	}
	if (number == NULL)
		answer = CASTSSL_NOT_REVOKED;
	ASN1_INTEGER_free(number);
	ERR_clear_error();
	return answer;
}
