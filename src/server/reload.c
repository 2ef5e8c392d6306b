/*
 * reload.c
 *		A reload that is known to have happened.
 */
#include "postgres.h"

#include <signal.h>

#include "miscadmin.h"
#include "postmaster/interrupt.h"
#include "storage/pmsignal.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/fault.h"
#include "server/process/loan.h"
#include "server/process/platform.h"
#include "server/process/platform_link.h"
#include "server/process/raise.h"
#include "server/process/wait.h"
#include "server/reload.h"

/* When this process last asked the postmaster to reload; 0: never. */
static TimestampTz asked_at;

/* Why to stop waiting; NULL: continue. */
static char *
reason_to_stop(TimestampTz deadline, int timeout, bool undoing)
{
	if (undoing ? castssl_is_terminated() : castssl_is_canceled())
		return pstrdup("canceled while waiting for the reload");
	if (GetCurrentTimestamp() >= deadline)
		return psprintf("the server did not reload within %d ms", timeout);
	return NULL;
}

/* Signal the postmaster, and wait; NULL, or what went wrong. */
static char *
signal_and_wait(int timeout, bool undoing)
{
	TimestampTz deadline = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), timeout);
	char *problem = NULL;

	/*
	 * The postmaster reads postgresql.conf, then signals its children, then reads
	 * pg_hba.conf and the TLS files, and only then accepts connections again.
	 */
	ConfigReloadPending = false;
	asked_at = GetCurrentTimestamp();
	/* If the postmaster is gone, its PID may belong to another process. */
	if (!PostmasterIsAlive())
		return pstrdup("the postmaster is gone"); /* LCOV_EXCL_LINE */
	if (CASTSSL_FAULT_CALL("signal", kill(PostmasterPid, SIGHUP)) != 0)
		return psprintf("could not signal the postmaster: %s", strerror(errno));
	CASTSSL_FAULT("signalled");

	while (!ConfigReloadPending && (problem = reason_to_stop(deadline, timeout, undoing)) == NULL)
	{
		long left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), deadline);

		if (castssl_wait(0, PGINVALID_SOCKET, left) & WL_POSTMASTER_DEATH)
			return pstrdup("the postmaster is gone"); /* LCOV_EXCL_LINE: no coverage then */
	}
	castssl_wait_end();
	return problem;
}

void
castssl_reload_check_possible(void)
{
	if (!IsUnderPostmaster)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("there is no server to reload"),
						errdetail("This is PostgreSQL's single-user mode: nobody can connect."),
						errhint("Start the server, and call this in a session."),
						castssl_err_reason("castssl_no_server")));
}

static void
stop_hearing(void *arg)
{
	castssl_platform_hear_reload_end();
}

/* This may be a background worker that ignores SIGHUP or has its own handler. */
static char *
hear_and_wait(int timeout, bool undoing)
{
	char *volatile problem = NULL;
	CastsslLoan loan;

	castssl_loan_begin(&loan, stop_hearing, NULL);
	castssl_platform_hear_reload();
	PG_TRY();
	{
		problem = signal_and_wait(timeout, undoing);
	}
	PG_FINALLY();
	{
		castssl_loan_end(&loan);
	}
	PG_END_TRY();
	return problem;
}

void
castssl_reload_catch_up(bool always)
{
	if (!always && !ConfigReloadPending)
		return;
	ConfigReloadPending = false;
	ProcessConfigFile(PGC_SIGHUP);
}

static char *
reload(int timeout, bool undoing)
{
	char *problem;

	castssl_reload_check_possible();
	problem = hear_and_wait(timeout, undoing);
	castssl_reload_catch_up(false);
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

CastsslLoaded
castssl_reload_covers(const char *path)
{
	return castssl_platform_reads_live_files() ? CASTSSL_LOADED
											   : castssl_reload_covers_parameters(path);
}

CastsslLoaded
castssl_reload_covers_parameters(const char *path)
{
	TimestampTz changed = castssl_platform_changed_at(path);

	if (changed > PgReloadTime)
		return CASTSSL_NOT_LOADED;
	/*
	 * A new process inherits PgReloadTime from the postmaster.  A process that was idle rereads
	 * the parameters long after the reload, and PgReloadTime is then the time when it did.
	 */
	if (PgReloadTime > MyStartTimestamp && changed > Max(MyStartTimestamp, asked_at))
		return CASTSSL_PERHAPS_LOADED;
	return CASTSSL_LOADED;
}
