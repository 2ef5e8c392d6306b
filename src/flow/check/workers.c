/*
 * workers.c
 *		A check of the background worker that undoes what nobody confirms or commits.
 */
#include "postgres.h"

#include "miscadmin.h"

#include "change/worker.h"
#include "flow/check/checks.h"
#include "server/parameters.h"
#include "server/process/slots.h"

void
castssl_check_recovery_worker(CastsslCheckScope *scope)
{
	if (castssl_worker_can_watch())
		return;
	castssl_check_report(
		scope, CASTSSL_WARNING, "max_worker_processes",
		psprintf("%s, and the one that undoes changes is not running: %s",
				 max_worker_processes == 0
					 ? "there is no background worker (max_worker_processes = 0)"
					 : psprintf("all background workers (%d) are in use", max_worker_processes),
				 castssl_worker_is_registered()
					 ? "after a crash nobody undoes what was not finished"
					 : "confirm_within is refused, and ROLLBACK leaves a change in effect until "
					   "the next call"),
		castssl_parameter_restart_hint("max_worker_processes",
									   psprintf("%d", castssl_slots_wanted())));
}
