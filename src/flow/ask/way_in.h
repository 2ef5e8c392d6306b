/*
 * way_in.h
 *		The way in which clients should come in after a change, and whether that way is open.
 */
#ifndef CASTSSL_FLOW_ASK_WAY_IN_H
#define CASTSSL_FLOW_ASK_WAY_IN_H

#include "change/record.h"
#include "flow/plan/plan.h"

/* Could any client come in this way: by some rule of the policy, with TLS on or off? */
extern bool castssl_way_in_is_open(CastsslWayIn way, const CastsslHbaPolicy *policy, bool tls);

/*
 * How clients should come in after the plan.  Over TLS if it touches TLS or a rule for clients
 * over TLS, and if a rule admits somebody over TLS; with a certificate if a new rule asks for
 * one.  By TCP if it touches such clients or others that come by TCP, and if somebody can come by
 * TCP before or after it.  Sets touches_tcp, touches_over_tls and way_in.
 */
extern void castssl_way_in_of_plan(CastsslChange *change, const CastsslPlan *plan);

/*
 * The same for the server as it is now.  Never less than what was recorded with the change, so
 * that closing a way later does not lower the proof.
 */
extern CastsslWayIn castssl_way_in_wanted(const CastsslChange *change,
										  const CastsslHbaPolicy *policy);

/* Does the plan close the last way in by TCP? */
extern bool castssl_way_in_is_closed_by(const CastsslPlan *plan);

/* "by TCP", "over TLS", "over TLS with a client certificate"; NULL for any way. */
extern const char *castssl_way_in_name(CastsslWayIn way);

#endif
