/*
 * watched.c
 *		Warns if no process watches over a change.
 */
#include "postgres.h"

#include "change/attempt.h"
#include "change/worker.h"
#include "flow/apply/watched.h"
#include "server/parameters.h"
#include "server/process/slots.h"

static void
warn(void *plan)
{
	castssl_plan_warn(
		plan, "verify", "background worker", CASTSSL_CODE_no_worker,
		psprintf(
			"no background worker watches this change: after ROLLBACK, an error later in the "
			"transaction or a crash it stays in effect until somebody makes the next change, or "
			"a superuser runs SELECT * FROM castssl_changes();  %s",
			castssl_worker_can_watch()
				? "The server's log says why."
				: psprintf("For a free slot: %s",
						   castssl_parameter_restart_hint(
							   "max_worker_processes", psprintf("%d", castssl_slots_wanted())))));
}

void
castssl_watched_warn(CastsslPlan *plan, bool watched)
{
	if (!watched)
		(void) castssl_attempt(warn, plan);
}

void
castssl_watched_foresee(CastsslPlan *plan, bool required)
{
	if (!castssl_plan_writes(plan) || castssl_worker_can_watch())
		return;
	if (required)
		castssl_worker_raise_no_slot();
	warn(plan);
}
