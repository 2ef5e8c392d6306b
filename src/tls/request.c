/*
 * request.c
 *		Certificate signing requests (PKCS#10, RFC 2986).
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <limits.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "tls/key.h"
#include "tls/openssl.h"
#include "tls/request.h"

#define CHECK_NAME "request"

static void
add_error(CastsslFindings *findings, const char *subject, const char *message, const char *detail,
		  const char *hint)
{
	castssl_finding_add(findings, CASTSSL_ERROR, CHECK_NAME, subject, message, detail, hint);
}

static bool
is_ascii(const char *text)
{
	while (*text && (unsigned char) *text < 128)
		text++;
	return *text == '\0';
}

bool
castssl_is_dns_name(const char *name)
{
	const char *label = strncmp(name, "*.", 2) == 0 ? name + 2 : name;

	if (*label == '\0' || strlen(name) > 253)
		return false;
	for (;;)
	{
		size_t length = strcspn(label, ".");

		if (length == 0 || length > 63 || label[0] == '-' || label[length - 1] == '-' ||
			strspn(label, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") !=
				length)
			return false;
		if (label[length] == '\0')
			return true;
		label += length + 1;
	}
}

bool
castssl_set_common_name(X509_NAME *name, const char *common_name)
{
	if (common_name[0] == '\0')
		return true;
	return X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
									  (const unsigned char *) common_name, -1, -1, 0) == 1;
}

/* Add one more name to the list.  Takes ownership of value. */
static bool
push_name(GENERAL_NAMES *list, int type, const void *data, int length)
{
	GENERAL_NAME *name = GENERAL_NAME_new();
	ASN1_STRING *value = type == GEN_DNS ? ASN1_IA5STRING_new() : ASN1_OCTET_STRING_new();

	if (name != NULL && value != NULL && ASN1_STRING_set(value, data, length))
	{
		GENERAL_NAME_set0_value(name, type, value);
		if (sk_GENERAL_NAME_push(list, name) > 0)
			return true;
		value = NULL; /* LCOV_EXCL_LINE: out of memory, like the following */
	}
	/* LCOV_EXCL_START */
	ASN1_STRING_free(value);
	GENERAL_NAME_free(name);
	return false;
	/* LCOV_EXCL_STOP */
}

static bool
add_names(X509_REQ *request, const CastsslNames *names)
{
	GENERAL_NAMES *list = castssl_adopt_names(sk_GENERAL_NAME_new_null());
	STACK_OF(X509_EXTENSION) *extensions = NULL;
	bool ok = list != NULL;

	for (int i = 0; ok && i < names->ndns_names; i++)
		ok = push_name(list, GEN_DNS, names->dns_names[i], strlen(names->dns_names[i]));
	for (int i = 0; ok && i < names->nip_addresses; i++)
		ok = push_name(list, GEN_IPADD, names->ip_addresses[i].address,
					   names->ip_addresses[i].family == 4 ? 4 : 16);
	ok = ok &&
		 X509V3_add1_i2d(&extensions, NID_subject_alt_name, list, 0, X509V3_ADD_DEFAULT) == 1 &&
		 X509_REQ_add_extensions(request, extensions) == 1;
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	return ok;
}

static char *
to_pem(X509_REQ *request)
{
	BIO *bio = BIO_new(BIO_s_mem());

	if (bio != NULL && PEM_write_bio_X509_REQ(bio, request) == 1)
		return castssl_openssl_bytes(bio, NULL);
	/* LCOV_EXCL_START: out of memory */
	BIO_free_all(bio);
	return NULL;
	/* LCOV_EXCL_STOP */
}

char *
castssl_request_make(EVP_PKEY *key, const char *common_name, const CastsslNames *names,
					 CastsslFindings *findings)
{
	X509_REQ *request = castssl_adopt_request(X509_REQ_new());
	char *pem = NULL;

	for (int i = 0; i < names->ndns_names; i++)
	{
		if (!castssl_is_dns_name(names->dns_names[i]))
		{
			add_error(findings, common_name,
					  psprintf("\"%s\" is not a DNS name", names->dns_names[i]),
					  "A certificate holds DNS names in ASCII: letters, digits, hyphens and dots, "
					  "and at most \"*.\" in front.",
					  is_ascii(names->dns_names[i])
						  ? "Give the name that clients connect to, such as db.example.com."
						  : "Write an internationalized name in its \"xn--\" form.");
			return NULL;
		}
	}
	ERR_clear_error();
	if (request != NULL && X509_REQ_set_version(request, 0) == 1 &&
		castssl_set_common_name(X509_REQ_get_subject_name(request), common_name) &&
		(names->ndns_names + names->nip_addresses == 0 || add_names(request, names)) &&
		X509_REQ_set_pubkey(request, key) == 1 &&
		X509_REQ_sign(request, key, castssl_key_digest(key)) > 0)
		pem = to_pem(request);
	if (pem == NULL)
		castssl_openssl_add_error(findings, CHECK_NAME, common_name,
								  "could not make a certificate request",
								  "A common name has 1 to 64 characters.");
	return pem;
}

X509_REQ *
castssl_request_read(const CastsslPem *pem, CastsslFindings *findings)
{
	BIO *bio = BIO_new_mem_buf(pem->data, (int) Min(pem->length, INT_MAX));
	X509_REQ *request = NULL;
	EVP_PKEY *key;

	ERR_clear_error();
	if (bio != NULL)
		request = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	BIO_free(bio);
	castssl_adopt_request(request);
	if (request == NULL)
	{
		if (ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_NO_START_LINE)
			castssl_pem_explain(pem, CHECK_NAME, "certificate request", findings);
		else if (!castssl_pem_explain_line_breaks(pem, CHECK_NAME, findings))
			castssl_openssl_add_error(
				findings, CHECK_NAME, pem->name,
				psprintf("could not read the certificate request in \"%s\"", pem->name), NULL);
		ERR_clear_error();
		return NULL;
	}
	key = X509_REQ_get0_pubkey(request);
	if (key == NULL || X509_REQ_verify(request, key) != 1)
	{
		castssl_openssl_add_error(
			findings, CHECK_NAME, pem->name,
			psprintf("the certificate request in \"%s\" is not signed with its own key", pem->name),
			"This does not prove that its author has the private key: ask for a new one.");
		return NULL;
	}
	ERR_clear_error();
	return request;
}

/* 1: may be in a certificate. 0: of a kind that we do not copy. -1: malformed. */
static int
judge_name(const GENERAL_NAME *name)
{
	const ASN1_STRING *text = name->d.ia5;
	const unsigned char *bytes;

	if (name->type == GEN_IPADD)
		return ASN1_STRING_length(name->d.iPAddress) == 4 ||
					   ASN1_STRING_length(name->d.iPAddress) == 16
				   ? 1
				   : -1;
	if (name->type != GEN_DNS && name->type != GEN_EMAIL && name->type != GEN_URI)
		return 0;
	/* Clients would disagree on a name with a zero byte. */
	bytes = ASN1_STRING_get0_data(text);
	for (int i = 0; i < ASN1_STRING_length(text); i++)
	{
		if (bytes[i] <= ' ' || bytes[i] >= 0x7F)
			return -1;
	}
	return ASN1_STRING_length(text) > 0 ? 1 : -1;
}

/*
 * Remove the names of other kinds from the list.  Returns how many, or -1 if a name is
 * malformed.
 */
static int
filter_names(GENERAL_NAMES *names)
{
	int left_out = 0;

	for (int i = sk_GENERAL_NAME_num(names) - 1; i >= 0; i--)
	{
		int verdict = judge_name(sk_GENERAL_NAME_value(names, i));

		if (verdict < 0)
			return -1;
		if (verdict == 0)
		{
			GENERAL_NAME_free(sk_GENERAL_NAME_delete(names, i));
			left_out++;
		}
	}
	return left_out;
}

bool
castssl_request_names(X509_REQ *request, const char *subject, GENERAL_NAMES **names,
					  CastsslFindings *findings)
{
	STACK_OF(X509_EXTENSION) *extensions = X509_REQ_get_extensions(request);
	int critical = -1;
	int left_out = 0;

	*names = X509V3_get_d2i(extensions, NID_subject_alt_name, &critical, NULL);
	sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
	castssl_adopt_names(*names);
	ERR_clear_error();
	if (*names != NULL)
		left_out = filter_names(*names);
	if ((*names == NULL && critical != -1) || left_out < 0)
	{
		add_error(findings, subject, "the request's subject alternative names are malformed",
				  "They cannot be decoded, or hold characters that no name has.", NULL);
		return false;
	}
	if (left_out > 0)
		castssl_finding_add(findings, CASTSSL_WARNING, CHECK_NAME, subject,
							"some names of the request are left out",
							"Only DNS names, IP addresses, e-mail addresses and URIs are copied.",
							NULL);
	if (*names != NULL && sk_GENERAL_NAME_num(*names) == 0)
		*names = NULL;
	return true;
}

char *
castssl_request_only_name(X509_REQ *request)
{
	X509_NAME *name = X509_REQ_get_subject_name(request);
	const ASN1_STRING *raw;
	unsigned char *text = NULL;
	char *copy = NULL;
	int length;

	if (X509_NAME_entry_count(name) != 1 ||
		X509_NAME_get_index_by_NID(name, NID_commonName, -1) != 0)
		return NULL;
	raw = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, 0));
	length = ASN1_STRING_to_UTF8(&text, raw);
	ERR_clear_error();
	if (length < 0)
		return NULL;
	if (length == ASN1_STRING_length(raw) &&
		memcmp(text, ASN1_STRING_get0_data(raw), length) == 0 && memchr(text, 0, length) == NULL)
		copy = pnstrdup((const char *) text, length);
	OPENSSL_free(text);
	return copy;
}
