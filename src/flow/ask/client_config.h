/*
 * client_config.h
 *		The settings that a client needs to connect, ready to paste.
 */
#ifndef CASTSSL_FLOW_ASK_CLIENT_CONFIG_H
#define CASTSSL_FLOW_ASK_CLIENT_CONFIG_H

/*
 * Connection settings in format 'uri' (libpq), 'service' (pg_service.conf), 'jdbc',
 * 'npgsql' or 'cast' (the .ini section of CAST Imaging components). sslmode depends on
 * what the server offers and whether its certificate names the host.  "disable" and the
 * client certificate depend on what the rules in force demand of that user. 22023 for
 * another format, an invalid host, or a value with a line break.  Palloc'd.
 */
extern char *castssl_client_config_text(const char *format, const char *host, const char *user_name,
										const char *database);

#endif
