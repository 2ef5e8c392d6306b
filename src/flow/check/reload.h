/*
 * reload.h
 *		What a reload would bring.
 */
#ifndef CASTSSL_FLOW_CHECK_RELOAD_H
#define CASTSSL_FLOW_CHECK_RELOAD_H

/*
 * A file of TLS that is not in effect yet, would be after a reload, and does not do: "file: what
 * is wrong with it" (palloc'd); NULL: there is none.  Does one handshake with the own port, where
 * a file is wrong.
 */
extern char *castssl_check_before_reload(void);

#endif
