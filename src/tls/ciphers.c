/*
 * ciphers.c
 *		Cipher lists, as in ssl_ciphers.
 */
#ifdef FRONTEND
#include "postgres_fe.h"
#else
#include "postgres.h"
#endif

#include <openssl/ssl.h>

#include "base/words.h"
#include "tls/ciphers.h"

const char *
castssl_cipher_weakness(const SSL_CIPHER *cipher)
{
	int encryption = SSL_CIPHER_get_cipher_nid(cipher);
	const char *name = SSL_CIPHER_get_name(cipher);

	if (encryption == NID_undef)
		return "does not encrypt";
	if (SSL_CIPHER_get_auth_nid(cipher) == NID_auth_null)
		return "does not authenticate the server";
	if (strstr(name, "RC4") || strstr(name, "EXP-") || strstr(name, "DES-CBC"))
		return "is weak"; /* LCOV_EXCL_LINE: Debian builds OpenSSL without such ciphers */
	return NULL;
}

SSL_CTX *
castssl_ciphers_of(const char *list)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (context && SSL_CTX_set_cipher_list(context, list) != 1)
	{
		SSL_CTX_free(context);
		context = NULL;
	}
	return context;
}

const char *
castssl_ciphers_strong(const char *list)
{
	const char *without = psprintf("%s:!eNULL:!aNULL:!RC4:!EXPORT:!DES:!3DES", list);
	const char *usual = "HIGH:!aNULL:!3DES";
	SSL_CTX *context = castssl_ciphers_of(without);
	bool pasteable = context && castssl_is_pasteable(without);

	SSL_CTX_free(context);
	return pasteable ? without : usual;
}
