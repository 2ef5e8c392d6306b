/*
 * unread_key.c
 *		Reads a certificate without its public key.
 *
 * OpenSSL 3 searches all its decoders for the public key of every certificate that it
 * reads (x509_pubkey_ex_d2i_ex calls OSSL_DECODER_CTX_new_for_pkey), which takes most
 * of the time.  With a library context without decoders, the key stays undecoded.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "base/compat.h"
#include "tls/unread_key.h"

#ifdef CASTSSL_LIBRARY_CONTEXTS

#include <openssl/provider.h>

/*
 * A library context without algorithms.  If it cannot be made, NULL, which means the default
 * library context.
 */
static OSSL_LIB_CTX *
without_decoders(void)
{
	static OSSL_LIB_CTX *context = NULL;

	if (context == NULL)
	{
		context = OSSL_LIB_CTX_new();
		/*
		 * a provider with no algorithms; without any provider, OpenSSL would load the
		 * default one
		 */
		if (context != NULL && OSSL_PROVIDER_load(context, "null") == NULL)
		{
			/* LCOV_EXCL_START: only out of memory */
			OSSL_LIB_CTX_free(context);
			context = NULL;
			/* LCOV_EXCL_STOP */
		}
	}
	return context;
}

/* RSAPublicKey (RFC 8017, appendix A.1.1): two positive numbers, the modulus first. */
static int
rsa_modulus_bits(const unsigned char *key, int length)
{
	const unsigned char *end = key + length;
	/* d2i_ASN1_SEQUENCE_ANY accepts a primitive encoding too, which is invalid here */
	bool constructed = length > 0 && key[0] == (V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED);
	ASN1_SEQUENCE_ANY *numbers = constructed ? d2i_ASN1_SEQUENCE_ANY(NULL, &key, length) : NULL;
	const ASN1_TYPE *modulus = NULL;
	const ASN1_TYPE *exponent = NULL;
	BIGNUM *number = NULL;
	int bits = 0;

	if (numbers != NULL && key == end && sk_ASN1_TYPE_num(numbers) == 2)
	{
		modulus = sk_ASN1_TYPE_value(numbers, 0);
		exponent = sk_ASN1_TYPE_value(numbers, 1);
		/* a number without its leading zero is negative, but OpenSSL's reader of keys ignores that
		 */
		if (modulus->type == V_ASN1_INTEGER && exponent->type == V_ASN1_INTEGER &&
			ASN1_STRING_type(modulus->value.integer) == V_ASN1_INTEGER)
			number = ASN1_INTEGER_to_BN(modulus->value.integer, NULL);
	}
	if (number != NULL)
		bits = BN_num_bits(number);
	BN_free(number);
	sk_ASN1_TYPE_pop_free(numbers, ASN1_TYPE_free);
	return bits;
}

/* A point (RFC 5480, section 2.2) on that curve. */
static int
curve_bits(const ASN1_OBJECT *curve, const unsigned char *key, int length)
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(OBJ_obj2nid(curve));
	EC_POINT *point = group == NULL ? NULL : EC_POINT_new(group);
	int bits = 0;

	if (point != NULL && EC_POINT_oct2point(group, point, key, length, NULL) == 1)
		bits = EC_GROUP_order_bits(group);
	EC_POINT_free(point);
	EC_GROUP_free(group);
	return bits;
}

/*
 * The size of a public key, equal to EVP_PKEY_bits() of the key that OpenSSL reads. 0:
 * the key is not RSA and not EC with a named curve, or it is malformed.
 */
static int
bits_of_unread_key(const X509 *x509)
{
	ASN1_OBJECT *algorithm = NULL;
	const unsigned char *key = NULL;
	int length = 0;
	X509_ALGOR *identifier = NULL;
	const void *parameter = NULL;
	int parameter_type = V_ASN1_UNDEF;
	int bits = 0;

	X509_PUBKEY_get0_param(&algorithm, &key, &length, &identifier, X509_get_X509_PUBKEY(x509));
	X509_ALGOR_get0(NULL, &parameter_type, &parameter, identifier);
	if (OBJ_obj2nid(algorithm) == NID_rsaEncryption)
		bits = rsa_modulus_bits(key, length);
	else if (OBJ_obj2nid(algorithm) == NID_X9_62_id_ecPublicKey && parameter_type == V_ASN1_OBJECT)
		bits = curve_bits(parameter, key, length);
	return bits;
}

X509 *
castssl_x509_without_key(const unsigned char *der, long length, int *key_bits)
{
	X509 *x509 = X509_new_ex(without_decoders(), NULL);

	if (d2i_X509(&x509, &der, length) == NULL || (*key_bits = bits_of_unread_key(x509)) == 0)
	{
		X509_free(x509);
		x509 = NULL;
		*key_bits = 0;
	}
	ERR_clear_error();
	return x509;
}

#else

X509 *
castssl_x509_without_key(const unsigned char *der, long length, int *key_bits)
{
	return NULL;
}

#endif
