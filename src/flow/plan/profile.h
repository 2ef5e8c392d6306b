/*
 * profile.h
 *		TLS profiles that follow Mozilla's server-side TLS recommendations.
 */
#ifndef CASTSSL_FLOW_PLAN_PROFILE_H
#define CASTSSL_FLOW_PLAN_PROFILE_H

#include "flow/plan/plan.h"

/*
 * Plan the protocol versions, ciphers and groups of profile 'intermediate' or 'modern';
 * 22023 for any other name.  The source is "Security/Server Side TLS", guidelines
 * version 5.7.  Leaves out settings for which this server has no parameter.
 */
extern void castssl_profile_plan(CastsslPlan *plan, const char *profile);

#endif
