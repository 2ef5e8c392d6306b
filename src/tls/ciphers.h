/*
 * ciphers.h
 *		Cipher lists, as in ssl_ciphers.
 */
#ifndef CASTSSL_TLS_CIPHERS_H
#define CASTSSL_TLS_CIPHERS_H

#include <openssl/ssl.h>

/* The weakness of a cipher, a static text such as "does not encrypt"; NULL if it has none. */
extern const char *castssl_cipher_weakness(const SSL_CIPHER *cipher);

/*
 * A context with the ciphers of a list; the caller frees it by SSL_CTX_free.  NULL: the list
 * selects no cipher, or out of memory.
 */
extern SSL_CTX *castssl_ciphers_of(const char *list);

/*
 * The list without weak ciphers; palloc'd or static.  "HIGH:!aNULL:!3DES" if no cipher would be
 * left, or if the list is not castssl_is_pasteable().
 */
extern const char *castssl_ciphers_strong(const char *list);

#endif
