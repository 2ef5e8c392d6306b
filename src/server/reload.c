/*
 * reload.c
 *		A reload that is known to have happened.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/fault.h"
#include "server/reload.h"

bool
castssl_is_canceled(void)
{
	return QueryCancelPending || ProcDiePending || ShutdownRequestPending;
}

/* Why to stop waiting; NULL: continue. */
static char *
reason_to_stop(TimestampTz deadline, int timeout, bool undoing)
{
	if (undoing ? (ProcDiePending || ShutdownRequestPending) : castssl_is_canceled())
		return pstrdup("canceled while waiting for the reload");
	if (GetCurrentTimestamp() >= deadline)
		return psprintf("no reload within %d ms", timeout);
	return NULL;
}

static char *
reload(int timeout, bool undoing)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout);
	char *problem = NULL;

	/*
	 * The postmaster reads postgresql.conf, then signals its children, then reads
	 * pg_hba.conf and the TLS files, and only then accepts connections again.
	 */
	ConfigReloadPending = false;
	if (CASTSSL_FAULT_CALL("signal", kill(PostmasterPid, SIGHUP)) != 0)
		return psprintf("could not signal the postmaster: %s", strerror(errno));
	CASTSSL_FAULT("signalled");

	while (!ConfigReloadPending && (problem = reason_to_stop(deadline, timeout, undoing)) == NULL)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH, left,
						 PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
	}
	/* Other code that waits on the latch then checks its own condition again. */
	SetLatch(MyLatch);

	if (ConfigReloadPending)
	{
		ConfigReloadPending = false;
		ProcessConfigFile(PGC_SIGHUP);
	}
	CASTSSL_FAULT("reloaded");
	return problem;
}

char *
castssl_reload(int timeout)
{
	return reload(timeout, false);
}

char *
castssl_reload_undone(int timeout)
{
	return reload(timeout, true);
}
