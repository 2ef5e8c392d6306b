/*
 * settings.h
 *		The extension's own parameters (castssl.*).
 */
#ifndef CASTSSL_BASE_SETTINGS_H
#define CASTSSL_BASE_SETTINGS_H

extern int castssl_verify_timeout; /* milliseconds to wait for a reload and for a handshake */
extern int castssl_expiry_warning; /* seconds ahead of notAfter and nextUpdate */
extern int castssl_keep_changes;   /* finished changes whose before-images stay */
extern char *castssl_allowed_directories; /* comma-separated; for callers who are no superusers */

extern char *castssl_ca_directory; /* of the server's own CA; '' for pg_castssl/ca */

/* Define them.  Called once, from _PG_init. */
extern void castssl_settings_define(void);

#endif
