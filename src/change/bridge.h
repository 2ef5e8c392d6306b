/*
 * bridge.h
 *		Replace several files of TLS while TLS stays on.
 *
 * Certificate and key cannot be replaced at one instant, and a server that finds one
 * without the other does not start.  Storing ssl = off in between helps the start, but
 * another session's reload at that moment turns TLS off for everybody.  So, where TLS is
 * on before and after a change, the server's parameters name copies of the files in the
 * journal meanwhile: one write of postgresql.auto.conf to the copies, then the files, then
 * one write to the final names.  At each instant everything fits.
 */
#ifndef CASTSSL_CHANGE_BRIDGE_H
#define CASTSSL_CHANGE_BRIDGE_H

#include "change/record.h"

/* Is ssl on in the configuration files, as the next start would read them? */
extern bool castssl_bridge_starts_with_tls(void);

/* And is it on where that is what is stored of it? */
extern bool castssl_bridge_tls_is_on(const char *stored);

/* Does the parameter of TLS name that file where this is what is stored of it? */
extern bool castssl_bridge_names(const char *parameter, const char *stored, const char *path);

/* The parameters of TLS that name a file; NULL after the last one. */
extern const char *const castssl_bridge_parameters[];

/*
 * The settings (CastsslSetting) of the first of those two writes, for a change that goes
 * forward (copies next/<n>) or back (before-<n>).  replaced[n]: the n-th file of the
 * change is about to be replaced by the copy.  False where that cannot be done, and
 * ssl is to be stored off in between.
 */
extern bool castssl_bridge_settings(const CastsslChange *change, bool forward, const bool *replaced,
									List **settings);

#endif
