/*
 * bridge.h
 *		Replace several files of TLS while TLS stays on.
 *
 * Certificate and key cannot be replaced at one instant, and a server does not start if they
 * do not match.  With ssl = off stored in between it would start, but another session's reload
 * at that moment would turn TLS off for everybody.  So, if TLS is on before and after a change,
 * postgresql.auto.conf is first written to name copies of the files in the journal.  Then the
 * files are replaced, and then it is written with the final names.  At each instant, certificate
 * and key match.
 */
#ifndef CASTSSL_CHANGE_BRIDGE_H
#define CASTSSL_CHANGE_BRIDGE_H

#include "change/record.h"

/* Is ssl on in the configuration files, as the next start would read them? */
extern bool castssl_bridge_starts_with_tls(void);

/* Is ssl on if postgresql.auto.conf has this value (NULL: none)? */
extern bool castssl_bridge_tls_is_on(const char *stored);

/*
 * Does the parameter name that file (absolute, links resolved) if postgresql.auto.conf has this
 * value (NULL: none)?
 */
extern bool castssl_bridge_names(const char *parameter, const char *stored, const char *path);

/* The parameters of TLS that name a file; NULL after the last one. */
extern const char *const castssl_bridge_parameters[];

/*
 * Set *settings (CastsslSetting, palloc'd) to the parameters of the first of those two writes:
 * for a change that is applied (forward: copies next/<n>) or undone (before-<n>).
 * replaced[n]: the n-th file of the change will be replaced by the copy.  False if this is
 * impossible: then ssl must be stored off in between.
 */
extern bool castssl_bridge_settings(const CastsslChange *change, bool forward, const bool *replaced,
									List **settings);

#endif
