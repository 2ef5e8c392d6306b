/*
 * fingerprint.h
 *		What decides how this server treats a TLS client, as hashes that two servers can compare.
 */
#ifndef CASTSSL_FLOW_ASK_FINGERPRINT_H
#define CASTSSL_FLOW_ASK_FINGERPRINT_H

#include "nodes/pg_list.h"

typedef struct CastsslPolicyPart
{
	const char *part;    /* static: "policy", "rule", "mapping", "parameter", "ca", "crl" */
	const char *subject; /* what it is, without any secret; NULL for "policy"; a name is UTF-8 */
	const char *fingerprint; /* SHA-256, lower-case hex */
} CastsslPolicyPart;

/*
 * The parts (CastsslPolicyPart), palloc'd; the first is "policy", over all others.
 * Equal on servers that treat a client alike: rules that are never reached,
 * comments, paths, line numbers, the order of CAs and names, and the server's own
 * certificate take no part.  Secrets neither: who can see a hash could guess
 * them by it.
 */
extern List *castssl_fingerprint_parts(void);

#endif
