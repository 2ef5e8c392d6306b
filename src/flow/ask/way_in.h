/*
 * way_in.h
 *		In which way clients are to come in after a change, and whether that way is open.
 */
#ifndef CASTSSL_FLOW_ASK_WAY_IN_H
#define CASTSSL_FLOW_ASK_WAY_IN_H

#include "change/record.h"
#include "flow/plan/plan.h"

/* Could any client come in so: by some rule of the policy, with TLS on or off? */
extern bool castssl_way_in_is_open(CastsslWayIn way, const CastsslHbaPolicy *policy, bool tls);

/*
 * How clients are to come after the plan: over TLS if it touches TLS, or a rule for clients that
 * come over it, and a rule admits somebody so; with a certificate if a new rule asks for one.  By
 * TCP if it touches such clients or others that come by TCP, and somebody could come so before it
 * or can after it.  Sets touches_tcp, touches_over_tls and way_in.
 */
extern void castssl_way_in_of_plan(CastsslChange *change, const CastsslPlan *plan);

/*
 * The same as far as it shows in the server as it is now.  Never less than what the change was
 * recorded with: what was closed since lowers no proof.
 */
extern CastsslWayIn castssl_way_in_wanted(const CastsslChange *change,
										  const CastsslHbaPolicy *policy);

/* Does the plan close the last way in by TCP? */
extern bool castssl_way_in_is_closed_by(const CastsslPlan *plan);

/* "by TCP", "over TLS", "over TLS with a client certificate"; NULL for any way. */
extern const char *castssl_way_in_name(CastsslWayIn way);

#endif
