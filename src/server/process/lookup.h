/*
 * lookup.h
 *		Name lookups with a time limit.
 *
 * The system's own functions have no time limit, and no interrupt or barrier is processed while
 * they wait.
 */
#ifndef CASTSSL_SERVER_PROCESS_LOOKUP_H
#define CASTSSL_SERVER_PROCESS_LOOKUP_H

#include <netdb.h>
#include <sys/socket.h>

/*
 * As getaddrinfo(): free *found with freeaddrinfo().  EAI_AGAIN if there is no answer within
 * castssl.verify_timeout, or if a cancel arrives while interrupts are held off.  While they are
 * not, a cancel is an error.
 */
extern int castssl_lookup_name(const char *name, const struct addrinfo *hint,
							   struct addrinfo **found);

/* As getnameinfo with NI_NAMEREQD: the name of an address, in NI_MAXHOST bytes. */
extern int castssl_lookup_address(const struct sockaddr_storage *address, int length, char *name);

#endif
