/*
 * client_hosts.c
 *		The hosts that a client connects to, as people write them.
 */
#include "postgres.h"

#include "base/compat.h"
#include "flow/ask/client_hosts.h"
#include "hba/text/address.h"

/* Other characters may have a special meaning in a URI, and would lead to another host. */
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-_"

pg_noreturn static void
raise_bad_host(const char *text)
{
	ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					errmsg("invalid value for host: \"%s\"", text),
					errdetail("A host is a name in ASCII or an address.  It may have a port, and "
							  "several hosts are separated by commas."),
					errhint("For example: host => 'db.example.com', host => 'db1:6432,db2', host "
							"=> '[2001:db8::7]:5432'.")));
}

/* An IPv6 address, maybe with the zone of a link-local one. */
static bool
is_ipv6(const char *text)
{
	const char *zone = strchr(text, '%');
	char *address = zone ? pnstrdup(text, zone - text) : pstrdup(text);
	CastsslHbaAddress read;
	char *written;

	return strchr(address, ':') && strchr(address, '/') == NULL &&
		   (zone == NULL ||
			(zone[1] != '\0' && strspn(zone + 1, NAME_CHARACTERS) == strlen(zone + 1))) &&
		   castssl_hba_address_parse(address, &read, &written) &&
		   read.kind == CASTSSL_HBA_ADDRESS_MASK && read.family == 6;
}

static int
read_port(const char *text, const char *whole)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (strspn(text, "0123456789") != strlen(text) || *text == '\0' || *end != '\0' || port < 1 ||
		port > 65535)
		raise_bad_host(whole);
	return (int) port;
}

static CastsslClientHost
read_host(char *text, int port)
{
	CastsslClientHost host = { .port = port };
	char *whole = pstrdup(text);
	char *colon;

	if (text[0] == '[')
	{
		char *end = strchr(text, ']');

		if (end == NULL || (end[1] != '\0' && end[1] != ':'))
			raise_bad_host(whole);
		if (end[1] == ':')
			host.port = read_port(end + 2, whole);
		*end = '\0';
		text++;
		if (!is_ipv6(text))
			raise_bad_host(whole);
	}
	else if ((colon = strchr(text, ':')) != NULL && strchr(colon + 1, ':') == NULL)
	{
		host.port = read_port(colon + 1, whole);
		*colon = '\0';
	}
	host.name = text;
	host.is_ipv6 = is_ipv6(text);
	if (!host.is_ipv6 && (text[0] == '\0' || strspn(text, NAME_CHARACTERS) != strlen(text)))
		raise_bad_host(whole);
	return host;
}

CastsslClientHosts
castssl_client_hosts_read(const char *text, int port)
{
	CastsslClientHosts hosts = { .items = palloc((strlen(text) + 1) * sizeof(CastsslClientHost)) };
	const char *next = text;

	for (;;)
	{
		size_t length = strcspn(next, ",");
		const char *end = next + length;
		const char *start = next + strspn(next, " ");

		while (end > start && end[-1] == ' ')
			end--;
		hosts.items[hosts.count++] =
			read_host(pnstrdup(Min(start, end), end - Min(start, end)), port);
		if (next[length] == '\0')
			return hosts;
		next += length + 1;
	}
}
