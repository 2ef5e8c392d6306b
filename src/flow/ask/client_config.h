/*
 * client_config.h
 *		The settings that a client needs to connect, ready to paste.
 */
#ifndef CASTSSL_FLOW_ASK_CLIENT_CONFIG_H
#define CASTSSL_FLOW_ASK_CLIENT_CONFIG_H

/* What the caller says.  NULL, and 0 for port: not given. */
typedef struct CastsslClientCall
{
	const char *format; /* one of client_formats.c */
	const char *host;   /* one or more, with commas: name, name:port, address, [address]:port */
	const char *user_name;
	const char *database;
	int port;            /* of the hosts that name none */
	const char *sslmode; /* one of libpq's */
	const char *folder;  /* where the client has its files */
} CastsslClientCall;

/*
 * Connection settings in that format.  Where the caller names no sslmode, it follows from
 * what the server offers and its certificate says of the hosts, "disable" from what the
 * rules in force ask of that user; and a client certificate is named where they may ask for
 * one.  22023 for another format, a host that is none, or a value with a line break.
 * A WARNING where verify-full was asked for and the certificate lacks a host's name.
 * Palloc'd.
 */
extern char *castssl_client_config_text(const CastsslClientCall *call);

#endif
