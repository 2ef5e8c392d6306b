/*
 * peer.c
 *		Who the client of this session is: its certificate, its operating-system account.
 */
#include "postgres.h"

#include <openssl/pem.h>

#include "libpq/libpq-be.h"
#include "miscadmin.h"

#include "server/process/peer.h"
#include "server/process/platform.h"
#include "tls/openssl.h"

char *
castssl_peer_certificates(void)
{
	STACK_OF(X509) * chain;
	BIO *bio;

	if (MyProcPort == NULL || !MyProcPort->ssl_in_use || MyProcPort->peer == NULL)
		return NULL;
	bio = BIO_new(BIO_s_mem());
	if (bio == NULL)
		return NULL; /* LCOV_EXCL_LINE: out of memory */
	PEM_write_bio_X509(bio, MyProcPort->peer);
	/* On a server, SSL_get_peer_cert_chain() leaves out the client's own certificate. */
	chain = SSL_get_peer_cert_chain(MyProcPort->ssl);
	for (int i = 0; chain && i < sk_X509_num(chain); i++)
		PEM_write_bio_X509(bio, sk_X509_value(chain, i));
	return castssl_openssl_bytes(bio, NULL);
}

char *
castssl_peer_account(void)
{
	return MyProcPort && MyProcPort->raddr.addr.ss_family == AF_UNIX
			   ? castssl_platform_peer_account(MyProcPort->sock)
			   : NULL;
}
