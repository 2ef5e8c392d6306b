/*
 * loader_hba.h
 *		A candidate pg_hba.conf, laid out such that the server's own parser can judge it.
 */
#ifndef CASTSSL_SERVER_LOADER_HBA_H
#define CASTSSL_SERVER_LOADER_HBA_H

#include "base/finding.h"
#include "hba/text/rule.h"

/*
 * What the server's own parser says of the policy, or of what is a part of one
 * (castssl_loader_check_hba), with the live files' names in the findings.  It sees copies of the
 * policy's files (server/scratch.h), with all that they refer to, which refer to each other: the
 * names in include, include_if_exists and @file are rewritten, on the same lines, and include_dir
 * becomes the include of a list.  What does not exist keeps its live, absolute name.
 */
extern void castssl_loader_check_hba_policy(const CastsslHbaPolicy *policy, bool part,
											CastsslFindings *findings);

#endif
