/*
 * loader_hba.h
 *		A pg_hba.conf that is not live yet, copied so that the server's own parser can judge it.
 */
#ifndef CASTSSL_SERVER_LOADER_HBA_H
#define CASTSSL_SERVER_LOADER_HBA_H

#include "base/finding.h"
#include "hba/text/rule.h"

/*
 * The verdict of the server's own parser on the policy, or on a part of one
 * (castssl_hba_verdict).  Findings name the live files.  The parser reads copies
 * (server/disk/scratch.h) of the policy's files and of all files that they refer to.  The copies
 * refer to each other: the names in include, include_if_exists and @file are rewritten on the
 * same lines, and include_dir becomes the include of a list.  If a file cannot be read, an error
 * finding says why, and the parser finds no copy of it.
 */
extern void castssl_loader_check_hba_policy(const CastsslHbaPolicy *policy, bool part,
											CastsslFindings *findings);

/*
 * The same for the live files that the policy was read from; path is the main file.  The parser
 * reads path itself in two cases: where the system has no files in memory, because a function
 * that only reads must not write to disk, and where the server's account may not read path,
 * because there is nothing to copy.
 */
extern void castssl_loader_check_hba_live(const CastsslHbaPolicy *policy, const char *path,
										  CastsslFindings *findings);

#endif
