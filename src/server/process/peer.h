/*
 * peer.h
 *		The certificate that the client of this session showed.
 */
#ifndef CASTSSL_SERVER_PROCESS_PEER_H
#define CASTSSL_SERVER_PROCESS_PEER_H

/*
 * The client's certificate and the intermediates that it sent, as one PEM text, its own
 * first; palloc'd.  NULL if it showed none, or if there is no client (a background
 * worker).
 */
extern char *castssl_peer_certificates(void);

#endif
