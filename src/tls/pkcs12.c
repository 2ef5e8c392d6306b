/*
 * pkcs12.c
 *		Key, certificate and CA in one file, for .NET and Java (RFC 7292).
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/err.h>
#include <openssl/pkcs12.h>

#include "tls/openssl.h"
#include "tls/pkcs12.h"

#define ITERATIONS 10000 /* as in Java's keytool; slows down guessing of the password */

static void
release_pkcs12(void *handle)
{
	PKCS12_free(handle);
}

char *
castssl_pkcs12_make(EVP_PKEY *key, X509 *certificate, const CastsslCertificates *ca,
					const char *name, const char *password, size_t *length,
					CastsslFindings *findings)
{
	STACK_OF(X509) *list = castssl_adopt_list(sk_X509_new_null());
	PKCS12 *pkcs12;
	BIO *bio = NULL;

	for (int i = 0; ca != NULL && list != NULL && i < ca->count; i++)
	{
		if (ca->items[i].x509 != NULL)
			sk_X509_push(list, ca->items[i].x509);
	}
	ERR_clear_error();
	/* OpenSSL 1.1.1 would use SHA-1 for the MAC. -1: no MAC here, the next call adds it. */
	pkcs12 = PKCS12_create(password, name, key, certificate, list, NID_aes_256_cbc, NID_aes_256_cbc,
						   ITERATIONS, -1, 0);
	castssl_openssl_adopt(pkcs12, release_pkcs12);
	if (pkcs12 != NULL &&
		PKCS12_set_mac(pkcs12, password, -1, NULL, 0, ITERATIONS, EVP_sha256()) == 1)
		bio = BIO_new(BIO_s_mem());
	if (bio != NULL && i2d_PKCS12_bio(bio, pkcs12) == 1)
		return castssl_openssl_secret(bio, length);
	BIO_free_all(bio);
	castssl_openssl_add_error(findings, "pkcs12", name, "could not make a PKCS#12 file", NULL);
	return NULL;
}
