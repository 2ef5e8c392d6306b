/*
 * peer.c
 *		Who the client of this session is: its certificate, its operating-system account.
 */
#include "postgres.h"

#include <openssl/ssl.h>

#include "lib/stringinfo.h"
#include "libpq/libpq-be.h"
#include "miscadmin.h"

#include "base/compat.h"
#include "server/process/peer.h"
#include "server/process/platform.h"
#include "tls/openssl.h"

char *
castssl_peer_certificates(void)
{
	if (MyProcPort == NULL || !MyProcPort->ssl_in_use || MyProcPort->peer == NULL)
		return NULL;
	/* On a server, SSL_get_peer_cert_chain() leaves out the client's own certificate. */
	return castssl_openssl_pem(MyProcPort->peer, SSL_get_peer_cert_chain(MyProcPort->ssl));
}

char *
castssl_peer_account(void)
{
	return MyProcPort && MyProcPort->raddr.addr.ss_family == AF_UNIX
			   ? castssl_platform_peer_account(MyProcPort->sock)
			   : NULL;
}

char *
castssl_peer_ciphers(void)
{
	STACK_OF(SSL_CIPHER) * ciphers;
	StringInfoData text;

	if (MyProcPort == NULL || !MyProcPort->ssl_in_use)
		return NULL;
	ciphers = SSL_get_client_ciphers(MyProcPort->ssl);
	if (ciphers == NULL)
		return NULL;
	initStringInfo(&text);
	for (int i = 0; i < sk_SSL_CIPHER_num(ciphers); i++)
		appendStringInfo(&text, "%s%s", i > 0 ? ":" : "",
						 SSL_CIPHER_get_name(sk_SSL_CIPHER_value(ciphers, i)));
	return text.data;
}

char *
castssl_peer_groups(void)
{
	StringInfoData text;
	int *groups;
	int count;

	if (MyProcPort == NULL || !MyProcPort->ssl_in_use)
		return NULL;
	count = (int) SSL_get1_groups(MyProcPort->ssl, NULL);
	if (count <= 0)
		return NULL;
	groups = palloc(count * sizeof(int));
	(void) SSL_get1_groups(MyProcPort->ssl, groups);
	initStringInfo(&text);
	for (int i = 0; i < count; i++)
	{
		const char *name = castssl_group_name(MyProcPort->ssl, groups[i]);

		if (name)
			appendStringInfo(&text, "%s%s", text.len > 0 ? ":" : "", name);
	}
	return text.data;
}
