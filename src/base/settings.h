/*
 * settings.h
 *		The extension's own parameters (castssl.*).
 */
#ifndef CASTSSL_BASE_SETTINGS_H
#define CASTSSL_BASE_SETTINGS_H

extern int castssl_verify_timeout; /* milliseconds to wait for a reload and for a handshake */
extern int castssl_expiry_warning; /* seconds before notAfter and nextUpdate */
extern int castssl_keep_changes;   /* finished changes whose before-images are kept */
/* comma-separated; for callers without superuser rights */
extern char *castssl_allowed_directories;

extern char *castssl_ca_directory; /* of the server's own CA; '' means pg_castssl/ca */

/* Define them.  Called once, from _PG_init. */
extern void castssl_settings_define(void);

#endif
