/*
 * lookup.c
 *		Name lookups with a time limit.
 */
#include "postgres.h"

#include "common/ip.h"

#include "base/settings.h"
#include "server/process/lookup.h"
#include "server/process/platform_thread.h"

/* malloc'd, because it outlives the call if there is no answer in time. */
typedef struct Lookup
{
	bool of_address; /* castssl_lookup_address, not castssl_lookup_name */
	int rc;

	/* castssl_lookup_name */
	char *name;
	bool has_hint;
	struct addrinfo hint;
	struct addrinfo *found;

	/* castssl_lookup_address */
	struct sockaddr_storage address;
	int length;
	char answer[NI_MAXHOST];
} Lookup;

static void
look_up(void *arg)
{
	Lookup *lookup = arg;

	if (lookup->of_address)
		lookup->rc = pg_getnameinfo_all(&lookup->address, lookup->length, lookup->answer,
										sizeof(lookup->answer), NULL, 0, NI_NAMEREQD);
	else
		lookup->rc = getaddrinfo(lookup->name, NULL, lookup->has_hint ? &lookup->hint : NULL,
								 &lookup->found);
}

static void
release(void *arg)
{
	Lookup *lookup = arg;

	if (lookup->found != NULL)
		freeaddrinfo(lookup->found);
	free(lookup->name);
	free(lookup);
}

/* True if there is an answer.  Otherwise the lookup is released when it ends. */
static bool
run(Lookup *lookup)
{
	return castssl_platform_run_aside(look_up, release, lookup, castssl_verify_timeout);
}

int
castssl_lookup_name(const char *name, const struct addrinfo *hint, struct addrinfo **found)
{
	Lookup *lookup = calloc(1, sizeof(Lookup));
	int rc;

	*found = NULL;
	if (lookup == NULL)
		return EAI_MEMORY; /* LCOV_EXCL_LINE */
	lookup->name = strdup(name);
	lookup->has_hint = (hint != NULL);
	if (hint != NULL)
		lookup->hint = *hint;
	if (!run(lookup))
		return EAI_AGAIN;
	*found = lookup->found;
	lookup->found = NULL;
	rc = lookup->rc;
	release(lookup);
	return rc;
}

int
castssl_lookup_address(const struct sockaddr_storage *address, int length, char *name)
{
	Lookup *lookup = calloc(1, sizeof(Lookup));
	int rc;

	if (lookup == NULL)
		return EAI_MEMORY; /* LCOV_EXCL_LINE */
	lookup->of_address = true;
	lookup->address = *address;
	lookup->length = length;
	if (!run(lookup))
		return EAI_AGAIN;
	strlcpy(name, lookup->answer, NI_MAXHOST);
	rc = lookup->rc;
	release(lookup);
	return rc;
}
