/*
 * cron.h
 *		Jobs of pg_cron, which connect by TCP when they are due.
 */
#ifndef CASTSSL_FLOW_ASK_CRON_H
#define CASTSSL_FLOW_ASK_CRON_H

#include "flow/plan/plan.h"

typedef struct CastsslCronRefused
{
	int count;
	const char *example;   /* "job 3 of alice on database app"; NULL: there is none */
	const char *statement; /* makes them use the server's socket; NULL: it has none */
} CastsslCronRefused;

/*
 * The active jobs that connect to this server by TCP and find no way in under this policy: no
 * line admits them over TLS without a certificate, or in plaintext.  No session shows them,
 * because they connect only when they are due.  Counts jobs in this database that the caller may
 * see, except those that use a socket, a background worker or another host.  Palloc'd.
 */
extern CastsslCronRefused castssl_cron_refused(const CastsslHbaPolicy *policy, bool tls);

/* Add a warning step if the plan refuses more of them than the server refuses now. */
extern void castssl_cron_warn(CastsslPlan *plan);

#endif
