/*
 * fingerprint.h
 *		How this server treats TLS clients, as hashes that can be compared between
 *		servers.
 */
#ifndef CASTSSL_FLOW_ASK_FINGERPRINT_H
#define CASTSSL_FLOW_ASK_FINGERPRINT_H

#include "nodes/pg_list.h"

typedef struct CastsslPolicyPart
{
	const char *part; /* static: "policy", "rule", "mapping", "parameter", "ca", "crl" */
	/* what the part is about, without any secret; NULL for "policy"; a name is UTF-8 */
	const char *subject;
	const char *fingerprint; /* SHA-256, lower-case hex */
} CastsslPolicyPart;

/*
 * The parts (CastsslPolicyPart), palloc'd.  The first is "policy", the hash of all
 * others.  They are equal on servers that treat a client alike.  These do not count:
 * rules that are never reached, comments, paths, line numbers, the order of CAs and
 * names, and the server's own certificate.  Secrets do not count either, because a
 * reader of the hash could guess them.
 */
extern List *castssl_fingerprint_parts(void);

#endif
