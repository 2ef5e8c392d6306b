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
	const char *example; /* "job 3 of alice on database app"; NULL: there is none */
} CastsslCronRefused;

/*
 * The active jobs that connect to this server by TCP and find no way in under this policy: no
 * line admits them over TLS without a certificate, or in plaintext.  No session shows them, for
 * they connect when they are due.  Of the jobs in this database that the caller sees; those by
 * socket, by a background worker and on another host do not count.  Palloc'd.
 */
extern CastsslCronRefused castssl_cron_refused(const CastsslHbaPolicy *policy, bool tls);

/* A warning step where the plan refuses more of them than are refused now. */
extern void castssl_cron_warn(CastsslPlan *plan);

#endif
