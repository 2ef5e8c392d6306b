/*
 * candidate.h
 *		Shows the TLS files of a plan to the server's own loader.
 */
#ifndef CASTSSL_FLOW_APPLY_CANDIDATE_H
#define CASTSSL_FLOW_APPLY_CANDIDATE_H

#include "base/finding.h"
#include "flow/plan/material.h"

/*
 * Let be_tls_init load the material, from copies in memory if the system has such files
 * (server/disk/scratch.h).  If it refuses, adds an error finding that names the original
 * files, not the copies.
 */
extern void castssl_candidate_check(const CastsslMaterial *material, CastsslFindings *findings);

#endif
