/*
 * client_config.h
 *		The settings that a client needs to connect, ready to paste.
 */
#ifndef CASTSSL_FLOW_ASK_CLIENT_CONFIG_H
#define CASTSSL_FLOW_ASK_CLIENT_CONFIG_H

/* The arguments of castssl_client_config().  NULL, and 0 for port: not given. */
typedef struct CastsslClientCall
{
	const char *format; /* a name of client_formats.c */
	const char *host;   /* one or more, with commas: name, name:port, address, [address]:port */
	const char *user_name;
	const char *database;
	int port;            /* for hosts without a port */
	const char *sslmode; /* one of libpq's values */
	const char *folder;  /* where the client has its files */
} CastsslClientCall;

/*
 * Connection settings in that format.  If the caller names no sslmode, it follows from what the
 * server offers and from whether its certificate names the hosts; it is "disable" if the rules in
 * force admit that user only in plaintext.  A client certificate is named if the rules may ask
 * for one. 22023 for another format, an invalid host, or a value with a line break or another
 * control character.  Raises a WARNING if verify-full was asked for and the certificate lacks a
 * host's name.  Palloc'd.
 */
extern char *castssl_client_config_text(const CastsslClientCall *call);

#endif
