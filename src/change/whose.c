/*
 * whose.c
 *		To which cluster do the files of a change outside of the data directory belong?
 */
#include "postgres.h"

#include <sys/stat.h>

#include "change/whose.h"
#include "server/disk/paths.h"

#define CONTROL_FILE "global/pg_control" /* never replaced while a cluster lives */

static bool
stat_control(const char *data_directory, struct stat *st)
{
	return stat(castssl_path_in(data_directory, CONTROL_FILE), st) == 0;
}

int64
castssl_whose_control(void)
{
	struct stat st;

	return stat_control(castssl_path_data_directory(), &st) ? (int64) st.st_ino : 0;
}

CastsslWhose
castssl_whose_outside(const char *written_in, bool moved)
{
	const char *here = castssl_path_data_directory();
	struct stat own;
	struct stat other;

	if (written_in == NULL || strcmp(written_in, here) == 0)
		return moved ? CASTSSL_UNCERTAIN : CASTSSL_OURS;
	if (!stat_control(written_in, &other))
		/* if it is gone, this one replaces it; any other error: it may still exist */
		return errno == ENOENT || errno == ENOTDIR ? CASTSSL_OURS : CASTSSL_ANOTHERS;
	if (!stat_control(here, &own))
		return CASTSSL_UNCERTAIN; /* LCOV_EXCL_LINE: the server runs with it */
	if (own.st_ino != other.st_ino || own.st_dev != other.st_dev)
		return CASTSSL_ANOTHERS;
	return moved ? CASTSSL_UNCERTAIN : CASTSSL_OURS; /* one directory with two names */
}

const char *
castssl_whose_reason(CastsslWhose whose)
{
	if (whose == CASTSSL_ANOTHERS)
		return "this data directory is a copy, and the files outside of it belong to the cluster "
			   "that it was copied from";
	return "this data directory is a copy or was restored, and nobody can know whether the change "
		   "was confirmed since then";
}
