/*
 * swap.c
 *		Replaces a file with a prepared one, without losing somebody else's edit.
 */
#include "postgres.h"

#include "base/fault.h"
#include "base/words.h"
#include "server/disk/files.h"
#include "server/disk/folder.h"
#include "server/disk/reading.h"
#include "server/disk/swap.h"
#include "server/process/platform.h"
#include "server/process/raise.h"

char *
castssl_hash_on_disk(const char *path, struct stat *st)
{
	size_t length;
	char *data;
	char *hash;

	castssl_reading_forget(path);
	data = castssl_file_read_if_exists(path, CASTSSL_HBA_LIMIT, &length, st);
	castssl_reading_forget(path);
	if (data == NULL)
		return NULL;
	hash = castssl_file_hash(data, length);
	explicit_bzero(data, length);
	pfree(data);
	return hash;
}

void
castssl_swap_raise_changed(const char *path)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("\"%s\" changed while the change was prepared", path),
					errdetail("Somebody else has just written it."),
					errhint("Look at the file, and call this again."),
					castssl_err_reason("castssl_stale")));
}

void
castssl_swap_check(const char *path)
{
	if (castssl_platform_is_mount_point(path))
		ereport(ERROR, (errcode(ERRCODE_OBJECT_IN_USE),
						errmsg("\"%s\" cannot be replaced: it is a mount point", path),
						errdetail("pg_castssl writes a new file and renames it, and no file can be "
								  "renamed to a mount point."),
						errhint("Mount the folder that holds the file, not the file.")));
}

static void
check_expected(const char *path, const char *expected)
{
	if (!castssl_same_text(castssl_hash_on_disk(path, NULL), expected))
		castssl_swap_raise_changed(path);
}

/* Does the system or the file system lack this kind of rename? */
static bool
is_unsupported(int error)
{
	return error == ENOSYS || error == EINVAL || error == ENOTSUP || error == EOPNOTSUPP;
}

/* The file that was taken out of path must be the expected one; if it is not, put it back. */
static void
check_came_out(const CastsslFolder *folder, const char *path, const char *temporary,
			   const char *expected)
{
	PG_TRY();
	{
		if (!castssl_same_text(castssl_hash_on_disk(temporary, NULL), expected))
			castssl_swap_raise_changed(path);
	}
	PG_CATCH();
	{
		(void) castssl_platform_exchange_in(folder, last_dir_separator(temporary) + 1,
											last_dir_separator(path) + 1);
		PG_RE_THROW();
	}
	PG_END_TRY();
}

void
castssl_swap(const char *path, const char *expected)
{
	char *temporary = castssl_file_temporary(path);
	const char *prepared = last_dir_separator(temporary) + 1;
	const char *name;
	const CastsslFolder *folder = castssl_folder_of(path, &name);
	int rc;

	check_expected(path, expected);
	CASTSSL_FAULT("swap");
	rc = expected
			 ? CASTSSL_FAULT_CALL("exchange", castssl_platform_exchange_in(folder, prepared, name))
			 : CASTSSL_FAULT_CALL("rename new",
								  castssl_platform_rename_new_in(folder, prepared, name));
	castssl_reading_forget(path);
	if (rc != 0 && errno == EEXIST)
		castssl_swap_raise_changed(path);
	if (rc != 0 && !is_unsupported(errno))
		castssl_file_raise_rename(temporary, path);
	if (rc != 0)
	{
		/* Only the microseconds between this check and the rename remain unguarded. */
		check_expected(path, expected);
		if (castssl_platform_rename_in(folder, prepared, folder, name) != 0)
			castssl_file_raise_rename(temporary, path);
		return;
	}
	CASTSSL_FAULT("exchanged");
	if (expected == NULL)
		return;
	check_came_out(folder, path, temporary, expected);
	if (CASTSSL_FAULT_CALL("unlink", castssl_platform_unlink_in(folder, prepared)) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not remove file \"%s\": %m", temporary)));
	CASTSSL_FAULT("swapped");
}

void
castssl_swap_away(const char *path, const char *expected)
{
	check_expected(path, expected);
	castssl_file_remove(path);
}
