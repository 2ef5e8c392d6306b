/*
 * check.h
 *		All the checks: everything that is wrong at this moment.
 *
 * Reads only: writes nothing, takes no lock that a change would wait for, runs no
 * ssl_passphrase_command, and works on a standby and in a read-only transaction.
 */
#ifndef CASTSSL_FLOW_CHECK_CHECK_H
#define CASTSSL_FLOW_CHECK_CHECK_H

#include "base/finding.h"

/*
 * Add the findings of every check, in a fixed order, and one of severity ok for each
 * check without findings. target_version is the PostgreSQL major to which the server
 * will be upgraded; 0: the newest known.
 */
extern void castssl_check_all(int target_version, CastsslFindings *findings);

#endif
