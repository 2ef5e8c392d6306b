/*
 * health.h
 *		Health checks of load balancers, which come in plaintext and leave before a session begins.
 */
#ifndef CASTSSL_FLOW_ASK_HEALTH_H
#define CASTSSL_FLOW_ASK_HEALTH_H

#include "flow/plan/plan.h"

/*
 * A warning step for each rule that looks as if made for one, and whose plaintext the plan takes
 * away: it lets one user in from one address without a password, as HAProxy's option pgsql-check
 * wants it.  No live session shows such a check, for it ends at the server's first answer; one
 * that comes by a rule for everybody cannot be told from other clients.
 */
extern void castssl_health_warn(CastsslPlan *plan);

#endif
