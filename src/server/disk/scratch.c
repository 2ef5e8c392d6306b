/*
 * scratch.c
 *		Files for the server's own loaders, invisible to everyone else.
 */
#include "postgres.h"

#include <limits.h>
#include <unistd.h>

#include "lib/stringinfo.h"
#include "storage/fd.h"

#include "base/fault.h"
#include "base/grow.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/scratch.h"
#include "server/process/platform.h"

void
castssl_scratch_begin(CastsslScratch *scratch)
{
	*scratch = (CastsslScratch){ .in_memory = castssl_platform_has_memory_files() };
	if (scratch->in_memory)
		return;
	/* LCOV_EXCL_START: not on Linux */
	castssl_directory_make(castssl_state_path(NULL));
	castssl_directory_remove(castssl_state_path(CASTSSL_SCRATCH_DIRECTORY)); /* after a crash */
	(void) castssl_directory_make_temporary(castssl_state_path(CASTSSL_SCRATCH_DIRECTORY));
	/* LCOV_EXCL_STOP */
}

static int
open_in_memory(void)
{
	int fd = -1;

	if (AcquireExternalFD())
	{
		fd = CASTSSL_FAULT_CALL("scratch file", castssl_platform_memory_file());
		if (fd < 0)
			ReleaseExternalFD();
	}
	if (fd < 0)
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_RESOURCES),
						errmsg("could not create a file in memory: %m"),
						errdetail("The server's own loader is shown the new files there."),
						errhint("Let the server open more files (max_files_per_process, "
								"ulimit -n).")));
	return fd;
}

/* Make room for one more file, and return its number. */
static int
next_number(CastsslScratch *scratch)
{
	int capacity = scratch->capacity;

	if (scratch->count == capacity)
	{
		CASTSSL_GROW(scratch->fds, scratch->count, capacity);
		CASTSSL_GROW(scratch->paths, scratch->count, scratch->capacity);
	}
	return scratch->count;
}

/* LCOV_EXCL_START: not on Linux */
static char *
path_on_disk(int number)
{
	return castssl_state_path(psprintf("%s/%06d", CASTSSL_SCRATCH_DIRECTORY, number));
}
/* LCOV_EXCL_STOP */

int
castssl_scratch_new(CastsslScratch *scratch)
{
	int number = next_number(scratch);

	if (scratch->in_memory)
	{
		scratch->fds[number] = open_in_memory();
		scratch->paths[number] = castssl_platform_memory_path(scratch->fds[number]);
	}
	else
		scratch->paths[number] = path_on_disk(number); /* LCOV_EXCL_LINE: not on Linux */
	return scratch->count++;
}

int
castssl_scratch_missing(CastsslScratch *scratch)
{
	int number = next_number(scratch);

	scratch->fds[number] = -1;
	/* a descriptor that no process can have */
	scratch->paths[number] =
		scratch->in_memory ? castssl_platform_memory_path(INT_MAX - number) : path_on_disk(number);
	return scratch->count++;
}

void
castssl_scratch_write(CastsslScratch *scratch, int number, const char *data, size_t length)
{
	if (!scratch->in_memory)
	{
		/* LCOV_EXCL_START: not on Linux */
		castssl_file_write(scratch->paths[number], data, length, 0600);
		return;
		/* LCOV_EXCL_STOP */
	}
	while (length > 0)
	{
		ssize_t n = CASTSSL_FAULT_CALL("scratch write", write(scratch->fds[number], data, length));

		if (n < 0 && errno == EINTR)
			continue; /* LCOV_EXCL_LINE: no interrupts in memory */
		if (n <= 0)
			ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY),
							errmsg("could not write a file in memory: %m")));
		data += n;
		length -= n;
	}
}

void
castssl_scratch_end(CastsslScratch *scratch)
{
	if (!scratch->in_memory)
		/* LCOV_EXCL_START: not on Linux */
		castssl_directory_remove(castssl_state_path(CASTSSL_SCRATCH_DIRECTORY));
	/* LCOV_EXCL_STOP */
	for (int i = 0; scratch->in_memory && i < scratch->count; i++)
	{
		if (scratch->fds[i] < 0)
			continue;
		close(scratch->fds[i]);
		ReleaseExternalFD();
	}
	scratch->count = 0;
}

const char *
castssl_scratch_rename(const CastsslScratch *scratch, int number, const char *text,
					   const char *name)
{
	const char *path = scratch->paths[number];
	size_t length = strlen(path);
	const char *hit;
	StringInfoData renamed;

	if (text == NULL || strstr(text, path) == NULL)
		return text;
	initStringInfo(&renamed);
	for (; (hit = strstr(text, path)) != NULL; text = hit + length)
	{
		appendBinaryStringInfo(&renamed, text, (int) (hit - text));
		/* another file, whose number begins with this one's digits */
		if (hit[length] >= '0' && hit[length] <= '9')
			appendBinaryStringInfo(&renamed, path, (int) length);
		else
			appendStringInfoString(&renamed, name);
	}
	appendStringInfoString(&renamed, text);
	return renamed.data;
}
