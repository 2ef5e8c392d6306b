/*
 * client_formats.h
 *		The formats in which clients read their settings.
 */
#ifndef CASTSSL_FLOW_ASK_CLIENT_FORMATS_H
#define CASTSSL_FLOW_ASK_CLIENT_FORMATS_H

#include "flow/ask/client_hosts.h"

/* The properties of the connection, the same for every format. */
typedef struct CastsslClientSettings
{
	CastsslClientHosts hosts;
	const char *user_name;
	const char *database;
	const char *sslmode;     /* one of libpq's values */
	bool client_certificate; /* the server demands one */
	const char *folder;      /* where the client has its files; NULL: not given */
} CastsslClientSettings;

/* The index of the format with that name; 22023 if there is none. */
extern int castssl_client_format(const char *name);

/* The settings in that format, palloc'd; 22023 if it has no way to write them. */
extern char *castssl_client_format_text(int format, const CastsslClientSettings *settings);

#endif
