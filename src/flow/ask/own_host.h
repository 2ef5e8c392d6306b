/*
 * own_host.h
 *		Connections that this server makes to itself by TCP.
 */
#ifndef CASTSSL_FLOW_ASK_OWN_HOST_H
#define CASTSSL_FLOW_ASK_OWN_HOST_H

#include "flow/plan/plan.h"
#include "hba/match/match.h"

/* What libpq tries. */
typedef struct CastsslTries
{
	bool tls;
	bool plaintext;
	bool certificate; /* over TLS it shows a client certificate, if it is asked for one */
} CastsslTries;

/*
 * Would this server refuse the connection of that user to that database, to this host by TCP,
 * however it is tried?  False if host is a socket, a name other than localhost, or an address of
 * another host.  Sets the address of connection.
 */
extern bool castssl_own_host_refuses(const CastsslHbaPolicy *policy, CastsslConnection *connection,
									 const char *host, const CastsslTries *tries);

/* The rules after the plan; NULL: it changes neither rules nor whether TLS is on. */
extern const CastsslHbaPolicy *castssl_own_host_policy_after(const CastsslPlan *plan);

#endif
