/*
 * client_config.h
 *		The settings that a client needs to connect, ready to paste.
 */
#ifndef CASTSSL_FLOW_ASK_CLIENT_CONFIG_H
#define CASTSSL_FLOW_ASK_CLIENT_CONFIG_H

/*
 * Connection settings in one of the formats of client_config.c.
 * sslmode follows from what the server offers and its certificate says of the
 * host, "disable" and the client certificate from what the rules in force ask of
 * that user.  22023 for another format, a host that is none, or a value with a line
 * break.  Palloc'd.
 */
extern char *castssl_client_config_text(const char *format, const char *host, const char *user_name,
										const char *database);

#endif
