/*
 * candidate.h
 *		The TLS files of a plan, shown to the server's own loader.
 */
#ifndef CASTSSL_FLOW_APPLY_CANDIDATE_H
#define CASTSSL_FLOW_APPLY_CANDIDATE_H

#include "base/finding.h"
#include "flow/plan/material.h"

/*
 * Let be_tls_init load the material, from copies in memory where the system has
 * such files (server/scratch.h).  What it refuses is an error
 * finding, in which the copies bear the names of what they are copies of.
 */
extern void castssl_candidate_check(const CastsslMaterial *material, CastsslFindings *findings);

#endif
