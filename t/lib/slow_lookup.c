/*
 * slow_lookup.c
 *		For tests, by LD_PRELOAD: a name service that does not answer.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <string.h>
#include <unistd.h>

/* Names that end so, and addresses of 192.0.2.0/24, are looked up for an hour. */
#define SLOW ".slow.invalid"
#define AN_HOUR 3600

static void
sleep_on(void)
{
	for (unsigned int left = AN_HOUR; left > 0;)
		left = sleep(left);
}

int
getaddrinfo(const char *name, const char *service, const struct addrinfo *hint,
			struct addrinfo **found)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
		dlsym(RTLD_NEXT, "getaddrinfo");
	size_t length = name ? strlen(name) : 0;

	if (!(hint && (hint->ai_flags & AI_NUMERICHOST)) && length > strlen(SLOW) &&
		strcmp(name + length - strlen(SLOW), SLOW) == 0)
		sleep_on();
	return real(name, service, hint, found);
}

int
getnameinfo(const struct sockaddr *address, socklen_t length, char *host, socklen_t host_length,
			char *service, socklen_t service_length, int flags)
{
	int (*real)(const struct sockaddr *, socklen_t, char *, socklen_t, char *, socklen_t, int) =
		dlsym(RTLD_NEXT, "getnameinfo");

	if (address->sa_family == AF_INET && (flags & NI_NAMEREQD) &&
		memcmp((const char *) address + 4, "\300\0\002", 3) == 0)
		sleep_on();
	return real(address, length, host, host_length, service, service_length, flags);
}
