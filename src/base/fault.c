/*
 * fault.c
 *		Points at which a test can make the extension fail.
 */
#include "postgres.h"

#include "base/fault.h"

#ifdef CASTSSL_FAULTS

#include <signal.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/guc.h"

static char *fault_setting = NULL;

static int passed = 0;         /* points passed since the call began */
static int error_at = 0;       /* the last point that failed; then no name counts any more */
static bool disk_full = false; /* a point of kind "full" was reached */

void
castssl_fault_define(void)
{
	DefineCustomStringVariable("castssl.fault", "Which point fails, and how (for tests only).",
							   NULL, &fault_setting, "", PGC_SUSET, 0, NULL, NULL, NULL);
}

void
castssl_fault_begin(void)
{
	passed = 0;
	error_at = 0;
	disk_full = false;
}

/* Does <which>, which has length bytes, mean this point, by number or name? */
static bool
is_meant(const char *which, size_t length, const char *name)
{
	if (which[0] >= '0' && which[0] <= '9')
		return atoi(which) == passed;
	return error_at == 0 && strlen(name) == length && strncmp(which, name, length) == 0;
}

/* Fail at this point: return an errno, or end the process, or stop it and return 0. */
static int
fail(const char *kind)
{
	/* LCOV_EXCL_START: a killed process writes no coverage */
	if (strncmp(kind, "crash", 5) == 0)
		kill(PostmasterPid, SIGKILL);
	if (strncmp(kind, "crash", 5) == 0 || strncmp(kind, "kill", 4) == 0)
	{
		kill(getpid(), SIGKILL);
		pg_usleep(60000000L);
	}
	/* LCOV_EXCL_STOP */
	error_at = passed;
	if (strncmp(kind, "stop", 4) == 0)
	{
		kill(getpid(), SIGSTOP);
		return 0;
	}
	if (strncmp(kind, "full", 4) == 0)
		disk_full = true;
	if (strncmp(kind, "gone", 4) == 0)
		return ENOENT;
	if (strncmp(kind, "emfile", 6) == 0)
		return EMFILE;
	if (strncmp(kind, "nosys", 5) == 0)
		return ENOSYS;
	return EIO;
}

/* Pass one more point.  Returns its errno; 0 if it does not fail. */
static int
pass(const char *name)
{
	const char *item = fault_setting;
	int error = 0;

	passed++;
	if (item == NULL)
		return 0;
	if (strcmp(item, "count") == 0)
		ereport(LOG, (errmsg("fault point %d: %s", passed, name)));
	while (*item)
	{
		size_t length = strcspn(item, ",");
		const char *colon = memchr(item, ':', length);

		if (colon && is_meant(item, colon - item, name))
			error = fail(colon + 1);
		item += length;
		item += (*item == ',');
	}
	return disk_full ? ENOSPC : error;
}

static void
say(int level, int error, const char *name)
{
	if (error == ENOSPC)
		ereport(level,
				(errcode(ERRCODE_DISK_FULL), errmsg("disk full at point %d, %s", passed, name)));
	else
		ereport(level, (errcode(ERRCODE_IO_ERROR), errmsg("fault at point %d, %s", passed, name)));
}

void
castssl_fault_point(const char *name)
{
	int error = pass(name);

	if (error != 0)
		say(ERROR, error, name);
}

bool
castssl_fault_fails(const char *name)
{
	int error = pass(name);

	if (error == 0)
		return false;
	say(NOTICE, error, name);
	errno = error;
	return true;
}

#endif
