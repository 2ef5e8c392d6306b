/*
 * lookup.h
 *		Name lookups with a time limit.
 *
 * The system's own wait for a name server for as long as they like, and no signal
 * and no barrier gets through meanwhile.
 */
#ifndef CASTSSL_SERVER_PROCESS_LOOKUP_H
#define CASTSSL_SERVER_PROCESS_LOOKUP_H

#include <netdb.h>
#include <sys/socket.h>

/*
 * As getaddrinfo: *found is for freeaddrinfo.  EAI_AGAIN when there is no answer
 * within castssl.verify_timeout, or a cancel came in with interrupts held off;
 * where they are not, that is an error.
 */
extern int castssl_lookup_name(const char *name, const struct addrinfo *hint,
							   struct addrinfo **found);

/* As getnameinfo with NI_NAMEREQD: the name of an address, in NI_MAXHOST bytes. */
extern int castssl_lookup_address(const struct sockaddr_storage *address, int length, char *name);

#endif
