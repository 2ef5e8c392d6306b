/*
 * own_host.c
 *		Connections that this server makes to itself by TCP.
 */
#include "postgres.h"

#include "flow/ask/own_host.h"
#include "hba/text/address.h"
#include "server/parameters.h"
#include "server/world.h"

/* Does a line admit this connection?  certificate: of a client that has one. */
static bool
admits(const CastsslHbaPolicy *policy, const CastsslConnection *connection, bool certificate)
{
	int rule = castssl_hba_match(policy, connection, castssl_hba_world(), NULL);

	return rule >= 0 && strcmp(policy->rules[rule].method, "reject") != 0 &&
		   (certificate || policy->rules[rule].clientcert == CASTSSL_CLIENTCERT_NONE);
}

static bool
has_way_in(const CastsslHbaPolicy *policy, CastsslConnection *connection, const CastsslTries *tries)
{
	connection->encryption = CASTSSL_TLS;
	if (tries->tls && admits(policy, connection, tries->certificate))
		return true;
	connection->encryption = CASTSSL_PLAINTEXT;
	return tries->plaintext && admits(policy, connection, false);
}

/*
 * Is the connection from this address of this host refused?  False if it is a name, or an address
 * of another host.
 */
static bool
is_refused_from(const CastsslHbaPolicy *policy, CastsslConnection *connection, const char *host,
				const CastsslTries *tries)
{
	const CastsslHbaWorld *world = castssl_hba_world();
	CastsslHbaAddress address;
	char *text;

	if (!castssl_hba_address_parse(host, &address, &text) ||
		address.kind != CASTSSL_HBA_ADDRESS_MASK)
		return false;
	connection->family = address.family;
	memcpy(connection->address, address.address, sizeof(address.address));
	/* a server on another host may have the same port */
	if (!(address.family == 4 && address.address[0] == 127) &&
		world->own_address(world->arg, address.family, address.address, false) != CASTSSL_YES)
		return false;
	return !has_way_in(policy, connection, tries);
}

/* Names other than localhost are not looked up. */
bool
castssl_own_host_refuses(const CastsslHbaPolicy *policy, CastsslConnection *connection,
						 const char *host, const CastsslTries *tries)
{
	if (strcmp(host, "localhost") != 0)
		return is_refused_from(policy, connection, host, tries);
	return is_refused_from(policy, connection, "127.0.0.1", tries) &&
		   is_refused_from(policy, connection, "::1", tries);
}

const CastsslHbaPolicy *
castssl_own_host_policy_after(const CastsslPlan *plan)
{
	if (plan->hba_changes)
		return plan->hba_after;
	return plan->ssl_after != castssl_tls_is_on() ? plan->hba_before : NULL;
}
