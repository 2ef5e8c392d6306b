/*
 * health.h
 *		Health checks of load balancers, which come in plaintext and leave before a session begins.
 */
#ifndef CASTSSL_FLOW_ASK_HEALTH_H
#define CASTSSL_FLOW_ASK_HEALTH_H

#include "flow/plan/plan.h"

/*
 * Add a warning step for each rule that looks as if made for such a check, and whose plaintext
 * the plan refuses: it admits one user from one address without a password, as HAProxy's option
 * pgsql-check needs.  No live session shows such a check, because it ends at the server's first
 * answer.  A check that comes by a rule for everybody looks like any other client.
 */
extern void castssl_health_warn(CastsslPlan *plan);

#endif
