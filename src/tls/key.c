/*
 * key.c
 *		Private keys: read, make, write.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <limits.h>

#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/words.h"
#include "tls/encryption.h"
#include "tls/key.h"
#include "tls/openssl.h"

bool
castssl_key_present(const CastsslPem *pem)
{
	CastsslPemBlock block;
	size_t offset = 0;

	while (castssl_pem_next(pem, &offset, &block) == CASTSSL_PEM_BLOCK)
	{
		bool found = castssl_pem_is_key_label(block.name, strlen(block.name));

		castssl_pem_block_free(&block);
		if (found)
			return true;
	}
	ERR_clear_error();
	return false;
}

/* Is the first private key encrypted?  Then *cipher is its cipher, or NULL if that is unknown. */
static bool
read_encryption(const CastsslPem *key, const char **cipher, bool *legacy)
{
	CastsslPemBlock block;
	size_t offset = 0;

	while (castssl_pem_next(key, &offset, &block) == CASTSSL_PEM_BLOCK)
	{
		bool found = castssl_pem_is_key_label(block.name, strlen(block.name));
		bool encrypted = strcmp(block.name, PEM_STRING_PKCS8) == 0 ||
						 (block.header != NULL && strstr(block.header, "ENCRYPTED") != NULL);

		if (found && encrypted)
			*cipher = castssl_encryption_of_key(block.name, block.header, block.data, block.length,
												legacy);
		castssl_pem_block_free(&block);
		if (found)
			return encrypted;
	}
	ERR_clear_error();
	return false;
}

bool
castssl_key_is_encrypted(const CastsslPem *key)
{
	const char *cipher = NULL;
	bool legacy = false;

	return read_encryption(key, &cipher, &legacy);
}

/* Without this callback, OpenSSL would ask for the passphrase on the terminal. */
static int
know_no_passphrase(char *buffer, int size, int writing, void *arg)
{
	return -1;
}

/* NULL if the key cannot be read; the reason is in OpenSSL's queue. */
static EVP_PKEY *
read_key(const CastsslPem *key)
{
	BIO *bio;
	EVP_PKEY *pkey;

	ERR_clear_error();
	bio = BIO_new_mem_buf(key->data, (int) Min(key->length, INT_MAX));
	if (bio == NULL)
		return NULL; /* LCOV_EXCL_LINE: out of memory */
	pkey = PEM_read_bio_PrivateKey(bio, NULL, know_no_passphrase, NULL);
	BIO_free(bio);
	return castssl_adopt_key(pkey);
}

/*
 * Is a PEM block damaged?  It may be the key.  The key then counts as damaged, not as absent.
 */
static bool
is_damaged(const CastsslPem *key)
{
	CastsslPemBlock block;
	CastsslPemResult result;
	size_t offset = 0;

	while ((result = castssl_pem_next(key, &offset, &block)) == CASTSSL_PEM_BLOCK)
		castssl_pem_block_free(&block);
	ERR_clear_error();
	return result == CASTSSL_PEM_BROKEN;
}

static const char *
could_not_decrypt(const CastsslPem *key)
{
	return psprintf("could not decrypt the private key in \"%s\"", key->name);
}

const char *
castssl_key_encryption(const CastsslPem *key, CastsslFindings *findings)
{
	const char *cipher = NULL;
	bool legacy = false;

	if (!read_encryption(key, &cipher, &legacy))
		return NULL;
	if (legacy)
		castssl_finding_add(
			findings, CASTSSL_ERROR, "key_parse", key->name, could_not_decrypt(key),
			psprintf("It is encrypted with %s, an old cipher that this OpenSSL does not load.",
					 cipher),
			castssl_pem_file(key)
				? castssl_hint_with("Encrypt it again: openssl pkey -provider legacy -provider "
									"default -in %s -aes256 -out %s.pem",
									castssl_shell_word(key->name))
				: "Give it encrypted with AES: openssl pkey -provider legacy -provider default "
				  "-aes256 does that.");
	if (legacy && castssl_pem_file(key))
		castssl_finding_repairs(findings, psprintf("%s.pem", key->name), NULL);
	return cipher ? psprintf("The key is encrypted with %s.", cipher)
				  : pstrdup("The key is encrypted.");
}

char *
castssl_key_decrypt_hint(const CastsslPem *key)
{
	const char *file = castssl_pem_file(key);

	if (file == NULL || !castssl_key_is_encrypted(key))
		return NULL;
	return castssl_hint_with("To take the passphrase off: openssl pkey -in %s -out %s.pem",
							 castssl_shell_word(file));
}

/* Explain that the key could not be decrypted. encryption: see castssl_key_encryption(). */
static void
explain_encrypted(const CastsslPem *key, const char *encryption, CastsslFindings *findings)
{
	const char *command = castssl_key_decrypt_hint(key);

	castssl_finding_add(
		findings, CASTSSL_ERROR, "key_parse", key->name, could_not_decrypt(key),
		psprintf("%s  No passphrase is known.", encryption),
		psprintf("Set ssl_passphrase_command to a command that prints the passphrase.%s%s",
				 command ? "  " : "", command ? command : ""));
}

EVP_PKEY *
castssl_key_read(const CastsslPem *key, CastsslFindings *findings)
{
	EVP_PKEY *pkey = read_key(key);
	const char *encryption;
	char *reason;
	int before = findings->count;

	if (pkey != NULL)
	{
		/* The decoders of OpenSSL 3 leave errors of failed attempts in the queue. */
		ERR_clear_error();
		return pkey;
	}
	reason = castssl_openssl_error();
	if (!castssl_key_present(key) && castssl_pem_explain_line_breaks(key, "key_parse", findings))
		return NULL;
	if (!castssl_key_present(key) && !is_damaged(key))
		castssl_pem_explain(key, "key_parse", "private key", findings);
	else if ((encryption = castssl_key_encryption(key, findings)) != NULL)
	{
		if (findings->count == before)
			explain_encrypted(key, encryption, findings);
	}
	else
		castssl_finding_add(
			findings, CASTSSL_ERROR, "key_parse", key->name,
			psprintf("could not read the private key in \"%s\"", key->name),
			psprintf("The PEM block is damaged, cut off or of an unknown kind: %s.", reason),
			"Copy the file again from where the key was made.");
	return NULL;
}

bool
castssl_key_fits(const CastsslPem *key, X509 *x509)
{
	EVP_PKEY *pkey = read_key(key);
	bool fits = pkey != NULL && castssl_openssl_has_key(x509, pkey);

	ERR_clear_error();
	return fits;
}

typedef struct KeyType
{
	const char *name;
	int type;
	int parameter; /* RSA: bits; EC: curve */
} KeyType;

static const KeyType key_types[] = {
	{ "rsa:2048", EVP_PKEY_RSA, 2048 },         { "rsa:3072", EVP_PKEY_RSA, 3072 },
	{ "rsa:4096", EVP_PKEY_RSA, 4096 },         { "ec:P-256", EVP_PKEY_EC, NID_X9_62_prime256v1 },
	{ "ec:P-384", EVP_PKEY_EC, NID_secp384r1 }, { "ed25519", EVP_PKEY_ED25519, 0 },
};

static EVP_PKEY *
generate(const KeyType *type)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_id(type->type, NULL);
	EVP_PKEY *key = NULL;
	bool ok = context != NULL && EVP_PKEY_keygen_init(context) > 0;

	if (ok && type->type == EVP_PKEY_RSA)
		ok = EVP_PKEY_CTX_set_rsa_keygen_bits(context, type->parameter) > 0;
	else if (ok && type->type == EVP_PKEY_EC)
		ok = EVP_PKEY_CTX_set_ec_paramgen_curve_nid(context, type->parameter) > 0 &&
			 EVP_PKEY_CTX_set_ec_param_enc(context, OPENSSL_EC_NAMED_CURVE) > 0;
	if (ok && EVP_PKEY_keygen(context, &key) <= 0)
		key = NULL; /* LCOV_EXCL_LINE: this OpenSSL, or its FIPS module, has no such keys */
	EVP_PKEY_CTX_free(context);
	return castssl_adopt_key(key);
}

EVP_PKEY *
castssl_key_generate(const char *key_type, CastsslFindings *findings)
{
	for (int i = 0; i < lengthof(key_types); i++)
	{
		EVP_PKEY *key;

		if (pg_strcasecmp(key_type, key_types[i].name) != 0)
			continue;
		ERR_clear_error();
		key = generate(&key_types[i]);
		if (key != NULL)
			return key;
		/* LCOV_EXCL_START: this OpenSSL, or its FIPS module, has no such keys */
		castssl_openssl_add_error(findings, "key_type", key_type,
								  psprintf("could not generate a key of type \"%s\"", key_type),
								  NULL);
		return NULL;
		/* LCOV_EXCL_STOP */
	}
	castssl_finding_add(
		findings, CASTSSL_ERROR, "key_type", key_type,
		psprintf("unknown key type \"%s\"", key_type),
		"pg_castssl makes keys that are strong enough, and that PostgreSQL's clients "
		"can use.",
		"Use rsa:2048, rsa:3072, rsa:4096, ec:P-256, ec:P-384 or ed25519.");
	return NULL;
}

static char *
written(BIO *bio, bool ok, size_t *length, CastsslFindings *findings)
{
	if (ok)
		return castssl_openssl_secret(bio, length);
	BIO_free_all(bio);
	castssl_openssl_add_error(findings, "key_write", NULL, "could not encode a private key", NULL);
	return NULL;
}

char *
castssl_key_pem(EVP_PKEY *key, size_t *length, CastsslFindings *findings)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok =
		bio != NULL && PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1;

	return written(bio, ok, length, findings);
}

char *
castssl_key_pkcs8_der(EVP_PKEY *key, size_t *length, CastsslFindings *findings)
{
	BIO *bio = BIO_new(BIO_s_mem());
	bool ok = bio != NULL && i2d_PKCS8PrivateKey_bio(bio, key, NULL, NULL, 0, NULL, NULL) == 1;

	return written(bio, ok, length, findings);
}

const EVP_MD *
castssl_key_digest(EVP_PKEY *key)
{
	switch (EVP_PKEY_base_id(key))
	{
		case EVP_PKEY_RSA:
		case EVP_PKEY_RSA_PSS:
			return EVP_sha256();
		case EVP_PKEY_EC:
			return EVP_PKEY_bits(key) > 256 ? EVP_sha384() : EVP_sha256();
		default:
			return NULL;
	}
}
