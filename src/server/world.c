/*
 * world.c
 *		Facts of this server that decide which line of pg_hba.conf matches.
 */
#include "postgres.h"

#include <netinet/in.h>
#include <sys/stat.h>

#include "catalog/pg_collation.h"
#include "common/hashfn.h"
#include "libpq/auth.h"
#include "libpq/ifaddr.h"
#include "miscadmin.h"
#include "regex/regex.h"
#include "utils/acl.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "base/compat.h"
#include "base/grow.h"
#include "server/account.h"
#include "server/process/lookup.h"
#include "server/world.h"

/* The place where Kerberos looks if nothing names a keytab. */
#define DEFAULT_KEYTAB "/etc/krb5.keytab"

/* A compiled pattern.  Those with the same hash form a list. */
typedef struct Regexp
{
	struct Regexp *next;
	char *pattern;
	regex_t compiled;
	bool good;
	MemoryContextCallback callback;
} Regexp;

typedef struct RegexpEntry
{
	uint64 hash; /* key */
	Regexp *first;
} RegexpEntry;

typedef struct HostKey
{
	uint8 family;
	uint8 address[16];
} HostKey;

/* The DNS answers for an address. */
typedef struct HostEntry
{
	HostKey key;
	CastsslAnswer known; /* NO: no name; UNKNOWN: DNS did not answer */
	char *name;
	bool verified;         /* forward is set */
	CastsslAnswer forward; /* does the name resolve to the address? */
} HostEntry;

/* An address of this host, with its network's mask. */
typedef struct Interface
{
	uint8 family;
	uint8 address[16];
	uint8 mask[16];
} Interface;

typedef struct World
{
	MemoryContext context;
	HTAB *regexps;
	HTAB *hosts;
	Interface *interfaces;
	int ninterfaces; /* -1: not read yet */
	int interface_capacity;
} World;

static HTAB *
make_table(World *world, const char *name, Size keysize, Size entrysize)
{
	HASHCTL control = { 0 };

	control.keysize = keysize;
	control.entrysize = entrysize;
	control.hcxt = world->context;
	return hash_create(name, 64, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static CastsslAnswer
answer(bool yes)
{
	return yes ? CASTSSL_YES : CASTSSL_NO;
}

/* ---- roles (PostgreSQL: is_member in hba.c) ---- */

static CastsslAnswer
is_member(void *arg, const char *user, const char *role)
{
	Oid member = get_role_oid(user, true);
	Oid group = get_role_oid(role, true);

	return answer(OidIsValid(member) && OidIsValid(group) &&
				  is_member_of_role_nosuper(member, group));
}

/* ---- regular expressions (PostgreSQL: regcomp_auth_token, regexec_auth_token) ---- */

/*
 * hba.c compiles and matches before it knows the encoding of a database: each byte is a
 * character.
 */
static pg_wchar *
wide(const char *string, size_t length)
{
	pg_wchar *result = palloc((length + 1) * sizeof(pg_wchar));

	for (size_t i = 0; i <= length; i++)
		result[i] = (unsigned char) string[i];
	return result;
}

static void
release_regexp(void *arg)
{
	pg_regfree(arg);
}

/* Up to 15 a compiled pattern is malloc'd.  Since 16 it is palloc'd in the current context. */
static Regexp *
compile(const char *pattern, Regexp *next)
{
	Regexp *regexp = palloc0(sizeof(Regexp));
	size_t length = strlen(pattern);

	regexp->next = next;
	regexp->pattern = pstrdup(pattern);
	regexp->good = pg_regcomp(&regexp->compiled, wide(pattern, length), length, REG_ADVANCED,
							  C_COLLATION_OID) == REG_OKAY;
	if (regexp->good)
	{
		regexp->callback.func = release_regexp;
		regexp->callback.arg = &regexp->compiled;
		MemoryContextRegisterResetCallback(CurrentMemoryContext, &regexp->callback);
	}
	return regexp;
}

char *
castssl_hba_regexp_error(const char *pattern)
{
	regex_t compiled;
	size_t length = strlen(pattern);
	pg_wchar *characters = wide(pattern, length);
	int rc = pg_regcomp(&compiled, characters, length, REG_ADVANCED, C_COLLATION_OID);
	char text[100];

	pfree(characters);
	if (rc == REG_OKAY)
	{
		pg_regfree(&compiled);
		return NULL;
	}
	pg_regerror(rc, &compiled, text, sizeof(text));
	return psprintf("invalid regular expression \"%s\": %s", pattern, text);
}

/* The compiled pattern from the cache, which is in the world's context. */
static Regexp *
find_regexp(World *world, const char *pattern)
{
	uint64 hash = hash_bytes_extended((const unsigned char *) pattern, strlen(pattern), 0);
	bool found;
	RegexpEntry *entry;
	MemoryContext old;

	if (world->regexps == NULL)
		world->regexps = make_table(world, "castssl regexps", sizeof(uint64), sizeof(RegexpEntry));
	entry = hash_search(world->regexps, &hash, HASH_ENTER, &found);
	if (!found)
		entry->first = NULL;
	for (Regexp *one = entry->first; one != NULL; one = one->next)
	{
		if (strcmp(one->pattern, pattern) == 0)
			return one;
	}
	old = MemoryContextSwitchTo(world->context);
	entry->first = compile(pattern, entry->first);
	MemoryContextSwitchTo(old);
	return entry->first;
}

/* A character is a byte (see wide), so positions of matches are byte positions. */
static CastsslAnswer
match_regexp(World *world, const char *pattern, const char *string, regmatch_t *matches, int count)
{
	Regexp *regexp = find_regexp(world, pattern);
	size_t length = strlen(string);
	pg_wchar *text;
	int rc;

	if (!regexp->good)
		return CASTSSL_NO; /* LCOV_EXCL_LINE: the server loads no file with such a line */
	text = wide(string, length);
	rc = pg_regexec(&regexp->compiled, text, length, 0, NULL, count, matches, 0);
	pfree(text);
	return answer(rc == REG_OKAY);
}

/* LCOV_EXCL_START: since 16, and coverage is measured with 15 */
static CastsslAnswer
matches_regexp(void *arg, const char *pattern, const char *string)
{
	return match_regexp(arg, pattern, string, NULL, 0);
}
/* LCOV_EXCL_STOP */

CastsslAnswer
castssl_hba_capture(const CastsslHbaWorld *world, const char *pattern, const char *string,
					int *start, int *end)
{
	regmatch_t matches[2] = { { -1, -1 }, { -1, -1 } };
	CastsslAnswer result = match_regexp(world->arg, pattern, string, matches, lengthof(matches));

	*start = (int) matches[1].rm_so;
	*end = (int) matches[1].rm_eo;
	return result;
}

/* ---- this host's addresses (PostgreSQL: check_same_host_or_net) ---- */

/* Split an address into its bytes; false for a family other than IPv4 and IPv6. */
static bool
address_bytes(const struct sockaddr *from, uint8 *family, uint8 *bytes)
{
	if (from->sa_family == AF_INET)
	{
		*family = 4;
		memcpy(bytes, &((const struct sockaddr_in *) from)->sin_addr, 4);
		return true;
	}
	if (from->sa_family == AF_INET6)
	{
		*family = 6;
		memcpy(bytes, &((const struct sockaddr_in6 *) from)->sin6_addr, 16);
		return true;
	}
	return false;
}

static void
add_interface(struct sockaddr *address, struct sockaddr *mask, void *arg)
{
	World *world = arg;
	Interface *item;
	uint8 family;
	MemoryContext old = MemoryContextSwitchTo(world->context);

	CASTSSL_GROW(world->interfaces, world->ninterfaces, world->interface_capacity);
	MemoryContextSwitchTo(old);

	item = &world->interfaces[world->ninterfaces];
	memset(item, 0, sizeof(*item));
	if (address_bytes(address, &item->family, item->address) &&
		address_bytes(mask, &family, item->mask) && family == item->family)
		world->ninterfaces++;
}

static CastsslAnswer
is_own_address(void *arg, uint8 family, const uint8 *address, bool network)
{
	World *world = arg;
	int length = family == 4 ? 4 : 16;

	if (world->ninterfaces < 0)
	{
		world->ninterfaces = 0;
		/* On failure the server matches nothing, and so does this code. */
		(void) pg_foreach_ifaddr(add_interface, world);
	}
	for (int i = 0; i < world->ninterfaces; i++)
	{
		const Interface *item = &world->interfaces[i];
		bool same = item->family == family;

		for (int byte = 0; same && byte < length; byte++)
		{
			uint8 mask = network ? item->mask[byte] : 0xff;

			same = ((item->address[byte] ^ address[byte]) & mask) == 0;
		}
		if (same)
			return CASTSSL_YES;
	}
	return CASTSSL_NO;
}

/* ---- host names (PostgreSQL: check_hostname) ---- */

/* DNS has no such name (NO), or did not answer (UNKNOWN). */
static CastsslAnswer
dns_failure(int code)
{
#ifdef EAI_NODATA
	if (code == EAI_NODATA)
		return CASTSSL_NO; /* LCOV_EXCL_LINE: depends on the name server */
#endif
	return code == EAI_NONAME ? CASTSSL_NO : CASTSSL_UNKNOWN;
}

static void
look_up_name(HostEntry *host, MemoryContext context)
{
	struct sockaddr_storage address = { 0 };
	int length;
	char name[NI_MAXHOST];
	int rc;

	if (host->key.family == 4)
	{
		address.ss_family = AF_INET;
		memcpy(&((struct sockaddr_in *) &address)->sin_addr, host->key.address, 4);
		length = sizeof(struct sockaddr_in);
	}
	else
	{
		address.ss_family = AF_INET6;
		memcpy(&((struct sockaddr_in6 *) &address)->sin6_addr, host->key.address, 16);
		length = sizeof(struct sockaddr_in6);
	}
	rc = castssl_lookup_address(&address, length, name);
	host->known = rc == 0 ? CASTSSL_YES : dns_failure(rc);
	if (rc == 0)
		host->name = MemoryContextStrdup(context, name);
}

/* Does the name of the address resolve to the address? */
static CastsslAnswer
look_up_address(const HostEntry *host)
{
	struct addrinfo *found = NULL;
	CastsslAnswer result = CASTSSL_NO;
	int rc = castssl_lookup_name(host->name, NULL, &found);

	if (rc != 0)
		return dns_failure(rc); /* LCOV_EXCL_LINE: an address has the name, but not the reverse */
	for (struct addrinfo *one = found; one != NULL; one = one->ai_next)
	{
		HostKey key = { 0 };

		if (address_bytes(one->ai_addr, &key.family, key.address) &&
			memcmp(&key, &host->key, sizeof(key)) == 0)
			result = CASTSSL_YES;
	}
	freeaddrinfo(found);
	return result;
}

/*
 * Does the name match as in pg_hba.conf: ".suffix", or the whole name (PostgreSQL:
 * hostname_match)?
 */
static bool
name_matches(const char *pattern, const char *name)
{
	size_t pattern_length = strlen(pattern);
	size_t length = strlen(name);

	if (pattern[0] != '.')
		return pg_strcasecmp(pattern, name) == 0;
	return length >= pattern_length && pg_strcasecmp(pattern, name + length - pattern_length) == 0;
}

static CastsslAnswer
has_host_name(void *arg, uint8 family, const uint8 *address, const char *name)
{
	World *world = arg;
	HostKey key = { 0 };
	HostEntry *host;
	bool found;

	key.family = family;
	memcpy(key.address, address, family == 4 ? 4 : 16);
	if (world->hosts == NULL)
		world->hosts = make_table(world, "castssl hosts", sizeof(HostKey), sizeof(HostEntry));
	host = hash_search(world->hosts, &key, HASH_ENTER, &found);
	if (!found)
	{
		host->name = NULL;
		host->verified = false;
		look_up_name(host, world->context);
	}
	if (host->known != CASTSSL_YES)
		return host->known;
	if (!name_matches(name, host->name))
		return CASTSSL_NO;
	if (!host->verified)
	{
		host->forward = look_up_address(host);
		host->verified = true;
	}
	return host->forward;
}

char *
castssl_hba_radius_error(const char *server)
{
	struct addrinfo hint = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found = NULL;
	int rc = castssl_lookup_name(server, &hint, &found);

	if (rc == 0)
	{
		freeaddrinfo(found);
		return NULL;
	}
	return psprintf("could not translate RADIUS server name \"%s\" to address: %s", server,
					castssl_gai_strerror(rc));
}

const CastsslHbaWorld *
castssl_hba_world(void)
{
	CastsslHbaWorld *result = palloc0(sizeof(CastsslHbaWorld));
	World *world = palloc0(sizeof(World));

	world->context = CurrentMemoryContext;
	world->ninterfaces = -1;
	result->member = is_member;
	result->regexp = matches_regexp;
	result->own_address = is_own_address;
	result->host_name = has_host_name;
	result->arg = world;
	return result;
}

const CastsslHbaWorld *
castssl_hba_world_with_roles(void)
{
	CastsslHbaWorld *result = unconstify(CastsslHbaWorld *, castssl_hba_world());

	result->roles = castssl_role_names(&result->nroles);
	return result;
}

/* ---- GSSAPI ---- */

/* Is there possibly a keytab of this name, as in krb_server_keyfile or KRB5_KTNAME? */
static bool
keytab_exists(const char *name)
{
	const char *colon = strchr(name, ':');
	struct stat st;

	if (strncmp(name, "FILE:", 5) == 0 || strncmp(name, "WRFILE:", 7) == 0)
		name = colon + 1;
	else if (colon != NULL && name[0] != '/')
		return true; /* another kind of keytab, which is not a file */
	return stat(name, &st) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

bool
castssl_hba_gss_possible(void)
{
	const char *name = pg_krb_server_keyfile;

#ifndef ENABLE_GSS
	return false;
#endif
	if (name == NULL || name[0] == '\0')
		name = getenv("KRB5_KTNAME");
	if (name == NULL || name[0] == '\0')
		name = DEFAULT_KEYTAB;
	return keytab_exists(name);
}
