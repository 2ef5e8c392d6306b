/*
 * peer.h
 *		Who the client of this session is: its certificate, its operating-system account.
 */
#ifndef CASTSSL_SERVER_PROCESS_PEER_H
#define CASTSSL_SERVER_PROCESS_PEER_H

/*
 * The client's certificate and the intermediates that it sent, as one PEM text, its own
 * first; palloc'd.  NULL if it showed none, or if there is no client (a background
 * worker).
 */
extern char *castssl_peer_certificates(void);

/*
 * The operating-system account at the other end of this session's Unix-domain socket, as the
 * authentication method peer sees it; palloc'd.  NULL over TCP/IP, and if it is unknown.
 */
extern char *castssl_peer_account(void);

/*
 * All ciphers and groups that the client offered: OpenSSL's names, separated by colons; palloc'd.
 * NULL without TLS.
 */
extern char *castssl_peer_ciphers(void);
extern char *castssl_peer_groups(void);

#endif
