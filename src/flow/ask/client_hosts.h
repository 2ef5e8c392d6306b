/*
 * client_hosts.h
 *		The hosts that a client connects to, as people write them.
 */
#ifndef CASTSSL_FLOW_ASK_CLIENT_HOSTS_H
#define CASTSSL_FLOW_ASK_CLIENT_HOSTS_H

typedef struct CastsslClientHost
{
	const char *name; /* a name or an address, without brackets */
	bool is_ipv6;     /* an IPv6 address, maybe with a zone (fe80::1%eth0) */
	int port;
} CastsslClientHost;

typedef struct CastsslClientHosts
{
	CastsslClientHost *items;
	int count; /* at least 1 */
} CastsslClientHosts;

/*
 * Read "db1,db2:6432,[2001:db8::7]:5433".  port is for hosts without one. 22023 for an invalid
 * host.  Palloc'd.
 */
extern CastsslClientHosts castssl_client_hosts_read(const char *text, int port);

#endif
