/*
 * openssl.c
 *		OpenSSL handles that are always freed, and the text of OpenSSL's errors.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/err.h>
#include <openssl/pem.h>

#include "tls/openssl.h"

#ifndef FRONTEND

#include "utils/memutils.h"

/* LCOV_EXCL_START */
static void
out_of_memory(void)
{
	ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}
/* LCOV_EXCL_STOP */

void *
castssl_openssl_adopt(void *handle, void (*release)(void *handle))
{
	MemoryContextCallback *callback;

	if (handle == NULL)
		return NULL;

	/*
	 * Until the callback is registered, nobody owns the handle: raise no error before
	 * the handle is freed.
	 */
	callback = palloc_extended(sizeof(MemoryContextCallback), MCXT_ALLOC_NO_OOM);
	if (callback == NULL)
	{
		release(handle); /* LCOV_EXCL_LINE */
		out_of_memory(); /* LCOV_EXCL_LINE */
	}
	callback->func = release;
	callback->arg = handle;
	MemoryContextRegisterResetCallback(CurrentMemoryContext, callback);
	return handle;
}

#else

typedef struct Adopted
{
	struct Adopted *next;
	void *handle;
	void (*release)(void *handle);
} Adopted;

static Adopted *adopted;

/* LCOV_EXCL_START */
static void
out_of_memory(void)
{
	fprintf(stderr, "out of memory\n");
	exit(EXIT_FAILURE);
}
/* LCOV_EXCL_STOP */

void
castssl_openssl_release_all(void)
{
	while (adopted != NULL)
	{
		Adopted *first = adopted;

		adopted = first->next;
		first->release(first->handle);
		free(first);
	}
}

void *
castssl_openssl_adopt(void *handle, void (*release)(void *handle))
{
	static bool registered = false;
	Adopted *entry;

	if (handle == NULL)
		return NULL;
	if (!registered)
	{
		atexit(castssl_openssl_release_all);
		registered = true;
	}
	entry = malloc(sizeof(Adopted));
	if (entry == NULL)
	{
		release(handle); /* LCOV_EXCL_LINE */
		out_of_memory(); /* LCOV_EXCL_LINE */
	}
	entry->handle = handle;
	entry->release = release;
	entry->next = adopted;
	adopted = entry;
	return handle;
}

#endif

/*
 * A release function of the right type, and the adopter that uses it.
 * NOLINTBEGIN(bugprone-macro-parentheses): a type has none
 */
#define ADOPTER(name, type, free_function)                                                         \
	static void release_##name(void *handle)                                                       \
	{                                                                                              \
		free_function(handle);                                                                     \
	}                                                                                              \
	type *castssl_adopt_##name(type *handle)                                                       \
	{                                                                                              \
		return castssl_openssl_adopt(handle, release_##name);                                      \
	}

/* NOLINTEND(bugprone-macro-parentheses) */

ADOPTER(x509, X509, X509_free)
ADOPTER(request, X509_REQ, X509_REQ_free)
ADOPTER(crl, X509_CRL, X509_CRL_free)
ADOPTER(store, X509_STORE, X509_STORE_free)
ADOPTER(key, EVP_PKEY, EVP_PKEY_free)
ADOPTER(names, GENERAL_NAMES, GENERAL_NAMES_free)
ADOPTER(list, STACK_OF(X509), sk_X509_free)

bool
castssl_openssl_has_key(X509 *x509, EVP_PKEY *key)
{
	bool result = X509_check_private_key(x509, key) == 1;

	ERR_clear_error();
	return result;
}

bool
castssl_openssl_is_signed_with(X509 *x509, EVP_PKEY *key)
{
	bool result = key != NULL && X509_verify(x509, key) == 1;

	ERR_clear_error();
	return result;
}

char *
castssl_openssl_error(void)
{
	unsigned long code = ERR_get_error();
	const char *reason = code == 0 ? "unknown error" : ERR_reason_error_string(code);
	char *text;

	/* OpenSSL 3 has no reason text for errors of the operating system. */
	text = reason != NULL ? pstrdup(reason) : psprintf("OpenSSL error code %lu", code);
	ERR_clear_error();
	return text;
}

void
castssl_openssl_add_error(CastsslFindings *findings, const char *check, const char *subject,
						  const char *message, const char *hint)
{
	castssl_finding_add(findings, CASTSSL_ERROR, check, subject, message,
						psprintf("OpenSSL says: %s.", castssl_openssl_error()), hint);
}

char *
castssl_openssl_bytes(BIO *bio, size_t *length)
{
	char *data = NULL;
	long size = BIO_get_mem_data(bio, &data);
	char *copy = palloc_extended(size + 1, MCXT_ALLOC_NO_OOM);

	if (copy != NULL)
	{
		if (size > 0)
			memcpy(copy, data, size);
		copy[size] = '\0';
	}
	/* A memory BIO wipes its buffer. */
	BIO_free_all(bio);
	if (copy == NULL)
		out_of_memory(); /* LCOV_EXCL_LINE */
	if (length != NULL)
		*length = size;
	return copy;
}

char *
castssl_openssl_pem(X509 *first, STACK_OF(X509) * list)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio == NULL)
		out_of_memory(); /* LCOV_EXCL_LINE */
	if (first != NULL)
		PEM_write_bio_X509(bio, first);
	for (int i = 0; list != NULL && i < sk_X509_num(list); i++)
		PEM_write_bio_X509(bio, sk_X509_value(list, i));
	return castssl_openssl_bytes(bio, NULL);
}

typedef struct Secret
{
	char *data;
	size_t length;
} Secret;

static void
wipe(void *handle)
{
	Secret *secret = handle;

	if (secret->data != NULL)
		OPENSSL_cleanse(secret->data, secret->length);
}

void
castssl_openssl_wipe_later(char *data, size_t length)
{
	Secret *secret = palloc(sizeof(Secret));

	secret->data = data;
	secret->length = length;
	castssl_openssl_adopt(secret, wipe);
}

char *
castssl_openssl_secret(BIO *bio, size_t *length)
{
	Secret *secret = palloc0(sizeof(Secret));
	size_t size;

	/* Register first: then no error can be raised between the copy and the registration. */
	castssl_openssl_adopt(secret, wipe);
	secret->data = castssl_openssl_bytes(bio, &size);
	secret->length = size;
	if (length != NULL)
		*length = size;
	return secret->data;
}

char *
castssl_lower_hex(const unsigned char *bytes, size_t length)
{
	static const char digits[] = "0123456789abcdef";
	char *hex = palloc(length * 2 + 1);

	for (size_t i = 0; i < length; i++)
	{
		hex[i * 2] = digits[bytes[i] >> 4];
		hex[i * 2 + 1] = digits[bytes[i] & 15];
	}
	hex[length * 2] = '\0';
	return hex;
}
