/*
 * wait.c
 *		Waits that do not block other processes.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "pgstat.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/procsignal.h"
#include "utils/timestamp.h"

#include "base/compat.h"
#include "server/process/wait.h"

int
castssl_wait(int events, pgsocket socket, long timeout)
{
	static uint32 wait_event;

	if (wait_event == 0)
		wait_event = CASTSSL_WAIT_EVENT("PgCastssl");
	events |= WL_LATCH_SET | WL_POSTMASTER_DEATH | (timeout >= 0 ? WL_TIMEOUT : 0);
	events = WaitLatchOrSocket(MyLatch, events, socket, timeout, wait_event);
	if (events & WL_LATCH_SET)
		ResetLatch(MyLatch);
	CHECK_FOR_INTERRUPTS();
	/* does nothing without a barrier, and is safe while interrupts are held off */
	ProcessProcSignalBarrier();
	return events;
}

void
castssl_wait_end(void)
{
	SetLatch(MyLatch);
}

void
castssl_sleep(long milliseconds)
{
	TimestampTz end = TimestampTzPlusMilliseconds(GetCurrentTimestamp(), milliseconds);
	long left;

	while ((left = TimestampDifferenceMilliseconds(GetCurrentTimestamp(), end)) > 0)
	{
		if (castssl_wait(0, PGINVALID_SOCKET, left) & WL_POSTMASTER_DEATH)
			break; /* LCOV_EXCL_LINE: no coverage then */
	}
	castssl_wait_end();
}

bool
castssl_is_terminated(void)
{
	CHECK_FOR_INTERRUPTS();
	return ProcDiePending || ShutdownRequestPending || proc_exit_inprogress;
}

bool
castssl_is_canceled(void)
{
	return castssl_is_terminated() || QueryCancelPending;
}

void
castssl_check_for_interrupts(void)
{
	CHECK_FOR_INTERRUPTS();
}
