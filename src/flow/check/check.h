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
 * Add what the checks find, worst first and in the fixed order of the checks.  With include_ok,
 * each check that finds nothing has a row of severity ok.  Without it, there is one such row if
 * no check finds anything.  target_version is the PostgreSQL major to which the server will be
 * upgraded; the check of it then has a row in either case. 0: the newest known major, with a row
 * only for findings.
 */
extern void castssl_check_all(int target_version, bool include_ok, CastsslFindings *findings);

#endif
