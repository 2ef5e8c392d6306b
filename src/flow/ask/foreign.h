/*
 * foreign.h
 *		Foreign servers that point at this server, by TCP.
 */
#ifndef CASTSSL_FLOW_ASK_FOREIGN_H
#define CASTSSL_FLOW_ASK_FOREIGN_H

#include "flow/plan/plan.h"

typedef struct CastsslForeignRefused
{
	int count;
	const char *example; /* "server app as alice on database sales", or "server app"; NULL: none */
	const char *hint;    /* how to let them in; NULL: there is none */
} CastsslForeignRefused;

/*
 * The foreign servers of postgres_fdw and dblink in this database that point at this server by TCP
 * and would find no way in under this policy, by what their options and those of a user mapping
 * say.  No session shows them while nobody uses them.  Counts only mappings that name a user.
 * Palloc'd.
 */
extern CastsslForeignRefused castssl_foreign_refused(const CastsslHbaPolicy *policy, bool tls);

/* Add a warning step if the plan refuses more of them than the server refuses now. */
extern void castssl_foreign_warn(CastsslPlan *plan);

#endif
