/*
 * directories.c
 *		Directories of our own: made and removed.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"

#include "base/fault.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/reading.h"

void
castssl_directory_make(const char *path)
{
	struct stat st;

	if (castssl_directory_make_temporary(path))
		castssl_file_sync(castssl_path_folder(path), true);
	else if (lstat(path, &st) == 0 && !S_ISDIR(st.st_mode))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("\"%s\" is not a directory of its own", path),
						errdetail("It is a symbolic link or a file, which pg_castssl never follows "
								  "when it reads its state."),
						errhint("Put the directory itself in its place.")));
}

bool
castssl_directory_make_temporary(const char *path)
{
	if (CASTSSL_FAULT_CALL("mkdir", mkdir(path, pg_dir_create_mode)) == 0)
	{
		CASTSSL_FAULT("made directory");
		return true;
	}
	if (errno != EEXIST)
		ereport(ERROR, (castssl_errcode_for_write(),
						errmsg("could not create directory \"%s\": %m", path)));
	return false;
}

void
castssl_directory_remove(const char *path)
{
	struct stat st;
	int failed;

	castssl_reading_forget(NULL);
	if (lstat(path, &st) < 0)
	{
		if (errno == ENOENT)
			return;
		/* LCOV_EXCL_START: in a directory of our own */
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not stat file \"%s\": %m", path)));
		/* LCOV_EXCL_STOP */
	}
	/* rmtree would follow a link that somebody put in its place */
	failed = CASTSSL_FAULT_CALL("remove directory",
								S_ISDIR(st.st_mode) ? (rmtree(path, true) ? 0 : -1) : unlink(path));
	if (failed)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not remove directory \"%s\": %m", path)));
	CASTSSL_FAULT("removed directory");
}

void
castssl_directory_discard(const char *path)
{
	char *discarded = psprintf("%s.discarded", path);
	struct stat st;

	castssl_directory_remove(discarded);
	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
	{
		/* Whoever may not remove the last file must not remove the first. */
		castssl_directory_check_writable(path);
		castssl_file_rename(path, discarded);
		castssl_directory_remove(discarded);
	}
	else
		castssl_directory_remove(path);
}

void
castssl_directory_empty(const char *path)
{
	castssl_reading_forget(NULL);
	if (CASTSSL_FAULT_CALL("empty directory", rmtree(path, false) ? 0 : -1) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not empty directory \"%s\": %m", path)));
	CASTSSL_FAULT("emptied directory");
}
