/*
 * reload.h
 *		What a reload would put into effect.
 */
#ifndef CASTSSL_FLOW_CHECK_RELOAD_H
#define CASTSSL_FLOW_CHECK_RELOAD_H

#include "flow/check/scope.h"
#include "server/restart.h"

/*
 * What would be wrong if these values of the parameters of TLS came into effect: the first file
 * that is wrong and not in effect yet, "file: what is wrong with it", or a parameter (palloc'd).
 * NULL: nothing is.  If a file is wrong, this may do a handshake with the server's own port.
 */
extern char *castssl_check_values(char *(*value)(const char *name));

/*
 * The same for the values that a reload would bring.  If it would bring others than those in
 * effect, the server's own loader tries them as well, connected clients that could not come back
 * count, and the statements to keep or to load them follow.
 */
extern char *castssl_check_before_reload(CastsslTryTls try_tls);

/* Read into the scope what somebody has edited and nobody has loaded. */
extern void castssl_check_read_unloaded(CastsslCheckScope *scope);

/* Why ssl_crl_dir gives no CRL, so that every client certificate is refused; NULL: it does. */
extern char *castssl_check_crl_directory(void);

#endif
