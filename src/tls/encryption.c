/*
 * encryption.c
 *		The ciphers that private keys and PKCS#12 files are encrypted with.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>

#include "base/compat.h"
#include "tls/encryption.h"

/* Does this OpenSSL, with the providers that are loaded, have a cipher of that name? */
static bool
has_cipher(const char *name)
{
#ifdef CASTSSL_LIBRARY_CONTEXTS
	EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, name, NULL);

	EVP_CIPHER_free(cipher);
	return cipher != NULL;
#else
	return EVP_get_cipherbyname(name) != NULL;
#endif
}

/* The cipher of password-based encryption (PKCS#5, PKCS#12); NID_undef if unknown. */
static int
cipher_of(const X509_ALGOR *algorithm)
{
	const ASN1_OBJECT *object;
	const void *value;
	int type;
	int nid;
	int cipher = NID_undef;

	X509_ALGOR_get0(&object, &type, &value, algorithm);
	nid = OBJ_obj2nid(object);
	if (nid == NID_pbes2 && type == V_ASN1_SEQUENCE)
	{
		PBE2PARAM *parameters = ASN1_item_unpack(value, ASN1_ITEM_rptr(PBE2PARAM));

		if (parameters)
			cipher = OBJ_obj2nid(parameters->encryption->algorithm);
		PBE2PARAM_free(parameters);
	}
	else if (!EVP_PBE_find(EVP_PBE_TYPE_OUTER, nid, &cipher, NULL, NULL))
		cipher = NID_undef;
	return cipher;
}

static bool
is_legacy(const X509_ALGOR *algorithm)
{
	int cipher = cipher_of(algorithm);

	return cipher != NID_undef && !has_cipher(OBJ_nid2sn(cipher));
}

/* "DEK-Info: DES-EDE3-CBC,0123456789ABCDEF" below "Proc-Type: 4,ENCRYPTED" */
static const char *
cipher_of_header(const char *header)
{
	const char *info = strstr(header, "DEK-Info: ");
	char name[64];
	int nid;

	if (info == NULL)
		return NULL;
	info += strlen("DEK-Info: ");
	strlcpy(name, info, Min(sizeof(name), strcspn(info, ",\r\n") + 1));
	nid = OBJ_txt2nid(name);
	return nid == NID_undef ? NULL : OBJ_nid2sn(nid);
}

const char *
castssl_encryption_of_key(const char *name, const char *header, const unsigned char *der,
						  long length, bool *legacy)
{
	const char *cipher = NULL;

	*legacy = false;
	if (strcmp(name, PEM_STRING_PKCS8) == 0)
	{
		X509_SIG *encrypted = d2i_X509_SIG(NULL, &der, length);

		if (encrypted)
		{
			const X509_ALGOR *algorithm;
			int nid;

			X509_SIG_get0(encrypted, &algorithm, NULL);
			nid = cipher_of(algorithm);
			cipher = nid == NID_undef ? NULL : OBJ_nid2sn(nid);
		}
		X509_SIG_free(encrypted);
	}
	else
		cipher = cipher_of_header(header);
	*legacy = cipher != NULL && !has_cipher(cipher);
	ERR_clear_error();
	return cipher;
}

/* In a part that is not encrypted as a whole: is a key encrypted with a legacy cipher? */
static bool
has_legacy_key(const PKCS7 *part)
{
	STACK_OF(PKCS12_SAFEBAG) *bags = PKCS12_unpack_p7data((PKCS7 *) part);
	bool legacy = false;

	for (int i = 0; bags && i < sk_PKCS12_SAFEBAG_num(bags); i++)
	{
		const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);
		const X509_ALGOR *algorithm;

		if (PKCS12_SAFEBAG_get_nid(bag) != NID_pkcs8ShroudedKeyBag)
			continue;
		X509_SIG_get0(PKCS12_SAFEBAG_get0_pkcs8(bag), &algorithm, NULL);
		legacy = legacy || is_legacy(algorithm);
	}
	sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
	return legacy;
}

bool
castssl_encryption_is_legacy_pkcs12(const unsigned char *der, long length)
{
	PKCS12 *file = d2i_PKCS12(NULL, &der, length);
	STACK_OF(PKCS7) *parts = file ? PKCS12_unpack_authsafes(file) : NULL;
	bool legacy = false;

	for (int i = 0; parts && i < sk_PKCS7_num(parts); i++)
	{
		const PKCS7 *part = sk_PKCS7_value(parts, i);

		if (PKCS7_type_is_data(part))
			legacy = legacy || has_legacy_key(part);
		else if (PKCS7_type_is_encrypted(part))
			legacy = legacy || is_legacy(part->d.encrypted->enc_data->algorithm);
	}
	sk_PKCS7_pop_free(parts, PKCS7_free);
	PKCS12_free(file);
	ERR_clear_error();
	return legacy;
}
