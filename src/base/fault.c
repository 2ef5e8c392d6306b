/*
 * fault.c
 *		Points at which a test can make this fail.
 */
#include "postgres.h"

#include "base/fault.h"

#ifdef CASTSSL_FAULTS

#include <signal.h>
#include <unistd.h>

#include "miscadmin.h"
#include "utils/guc.h"

static char *fault_setting = NULL;

static int passed = 0;         /* points since the call began */
static int error_at = 0;       /* the point that raised its error; a name does so once */
static bool disk_full = false; /* a kind "full" was met */

void
castssl_fault_define(void)
{
	DefineCustomStringVariable("castssl.fault", "Which point is to fail, and how (tests only).",
							   NULL, &fault_setting, "", PGC_SUSET, 0, NULL, NULL, NULL);
}

void
castssl_fault_begin(void)
{
	passed = 0;
	error_at = 0;
	disk_full = false;
}

/* Is this point, by number or name, what <which> of that length says? */
static bool
is_meant(const char *which, size_t length, const char *name)
{
	if (which[0] >= '0' && which[0] <= '9')
		return atoi(which) == passed;
	return error_at == 0 && strlen(name) == length && strncmp(which, name, length) == 0;
}

static void
fail(const char *kind, const char *name)
{
	/* LCOV_EXCL_START: who is killed counts no lines */
	if (strncmp(kind, "crash", 5) == 0)
		kill(PostmasterPid, SIGKILL);
	if (strncmp(kind, "crash", 5) == 0 || strncmp(kind, "kill", 4) == 0)
	{
		kill(getpid(), SIGKILL);
		pause();
	}
	/* LCOV_EXCL_STOP */
	error_at = passed;
	if (strncmp(kind, "full", 4) == 0)
		disk_full = true;
	else
		ereport(ERROR, (errcode(ERRCODE_IO_ERROR), errmsg("fault at point %d, %s", passed, name)));
}

void
castssl_fault_point(const char *name)
{
	const char *item = fault_setting;

	passed++;
	if (item == NULL)
		return;
	if (strcmp(item, "count") == 0)
		ereport(LOG, (errmsg("fault point %d: %s", passed, name)));
	while (*item)
	{
		size_t length = strcspn(item, ",");
		const char *colon = memchr(item, ':', length);

		if (colon && is_meant(item, colon - item, name))
			fail(colon + 1, name);
		item += length;
		item += (*item == ',');
	}
	if (disk_full)
		ereport(ERROR,
				(errcode(ERRCODE_DISK_FULL), errmsg("disk full at point %d, %s", passed, name)));
}

#endif
