/*
 * directories.c
 *		Makes and removes our own directories, and checks who may write to a directory.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "common/file_perm.h"

#include "base/fault.h"
#include "base/words.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/folder.h"
#include "server/disk/modes.h"
#include "server/disk/paths.h"
#include "server/disk/reading.h"
#include "server/process/platform.h"
#include "server/process/platform_account.h"

void
castssl_directory_make(const char *path)
{
	const char *name;
	const CastsslFolder *folder;
	struct stat st;

	if (castssl_directory_make_temporary(path))
	{
		castssl_directory_sync(castssl_path_folder(path));
		return;
	}
	folder = castssl_folder_of(path, &name);
	if (castssl_platform_stat_in(folder, name, &st) == 0 && !S_ISDIR(st.st_mode))
		ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
						errmsg("\"%s\" is not a real directory", path),
						errdetail("It is a symbolic link or a file, and pg_castssl follows no link "
								  "to its own files."),
						errhint("Put the directory itself there.")));
}

bool
castssl_directory_make_temporary(const char *path)
{
	const char *name;
	const CastsslFolder *folder = castssl_folder_of(path, &name);

	if (CASTSSL_FAULT_CALL("mkdir", castssl_platform_mkdir_in(folder, name, pg_dir_create_mode)) ==
		0)
	{
		CASTSSL_FAULT("made directory");
		return true;
	}
	if (errno != EEXIST)
		ereport(ERROR, (castssl_errcode_for_write(),
						errmsg("could not create directory \"%s\": %m", path)));
	return false;
}

static int remove_entry(const CastsslFolder *folder, const char *name);

/*
 * Remove as much as possible of what is in a folder; -1 and the first errno if something is left.
 */
static int
empty_folder(const CastsslFolder *folder)
{
	List *names;
	ListCell *cell;
	int error = 0;

	if (!castssl_platform_names_in(folder, &names))
		return -1;
	foreach (cell, names)
	{
		if (remove_entry(folder, lfirst(cell)) != 0 && error == 0)
			error = errno;
	}
	errno = error;
	return error == 0 ? 0 : -1;
}

/* Not rmtree, which would follow a link that somebody puts in the place of a directory. */
static int
remove_entry(const CastsslFolder *folder, const char *name)
{
	CastsslFolder child = { .path = castssl_path_in(folder->path, name) };
	struct stat st;
	int rc;

	if (castssl_platform_stat_in(folder, name, &st) != 0)
		return errno == ENOENT ? 0 : -1;
	if (!S_ISDIR(st.st_mode))
		return castssl_platform_unlink_in(folder, name);
	if (!castssl_platform_folder_open_in(folder, name, &child))
		return -1;
	rc = empty_folder(&child);
	castssl_platform_folder_close(&child);
	return rc == 0 ? castssl_platform_rmdir_in(folder, name) : rc;
}

void
castssl_directory_remove(const char *path)
{
	const char *name;
	const CastsslFolder *folder = castssl_folder_find_of(path, &name);
	struct stat st;

	castssl_reading_forget(NULL);
	if (folder == NULL || castssl_platform_stat_in(folder, name, &st) != 0)
	{
		if (errno == ENOENT)
			return;
		/* LCOV_EXCL_START: in a directory of our own */
		ereport(ERROR, (errcode_for_file_access(), errmsg("could not stat file \"%s\": %m", path)));
		/* LCOV_EXCL_STOP */
	}
	if (CASTSSL_FAULT_CALL("remove directory", remove_entry(folder, name)) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not remove directory \"%s\": %m", path)));
	CASTSSL_FAULT("removed directory");
}

void
castssl_directory_discard(const char *path)
{
	char *discarded = psprintf("%s.discarded", path);
	const char *name;
	const CastsslFolder *folder = castssl_folder_find_of(path, &name);
	struct stat st;

	castssl_directory_remove(discarded);
	if (folder && castssl_platform_stat_in(folder, name, &st) == 0 && S_ISDIR(st.st_mode))
	{
		/* Fail before the first file is removed, not half-way. */
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
	const CastsslFolder *folder = castssl_folder_open(path);

	castssl_reading_forget(NULL);
	if (CASTSSL_FAULT_CALL("empty directory", empty_folder(folder)) != 0)
		ereport(ERROR,
				(errcode_for_file_access(), errmsg("could not empty directory \"%s\": %m", path)));
	CASTSSL_FAULT("emptied directory");
}

char *
castssl_directory_read_only_hint(const char *path)
{
	return psprintf("If systemd protects it (ProtectSystem=), add %s to ReadWritePaths= of the "
					"server's service, and restart the service.",
					castssl_is_pasteable(path) ? psprintf("\"%s\"", path) : "the folder");
}

bool
castssl_directory_is_writable(const char *path)
{
	const CastsslFolder *folder = castssl_folder_find(path);

	if (folder == NULL && errno == ENOTDIR)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE), errmsg("\"%s\" is not a directory", path)));
	if (folder == NULL)
		castssl_file_raise_open(path, errno);
	return castssl_platform_folder_access(folder, W_OK | X_OK) == 0;
}

void
castssl_directory_raise_unwritable(const char *path, int error, const char *hint)
{
	errno = error;
	ereport(ERROR, (errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
					errmsg("the server may not write to directory \"%s\": %m", path),
					errdetail("The server runs as %s.", castssl_account_own()),
					hint ? errhint("%s", hint) : 0));
	pg_unreachable();
}

char *
castssl_directory_opening_hint(const char *path)
{
	char *word = castssl_shell_word(path);
	struct stat st;

	if (stat(path, &st) == 0 && !castssl_file_is_of_another(&st))
		return castssl_hint_with("Run as root: chmod u+rwx %s", word);
	return path_is_prefix_of_path(castssl_state_path(NULL), path)
			   ? castssl_hint_with(psprintf("Run as root: chown %s %%s && chmod 0700 %%s",
											castssl_account_word()),
								   word)
			   : NULL;
}

void
castssl_directory_check_writable(const char *path)
{
	int error;

	if (castssl_directory_is_writable(path))
		return;
	error = errno;
	castssl_directory_raise_unwritable(path, error,
									   error == EROFS ? castssl_directory_read_only_hint(path)
													  : castssl_directory_opening_hint(path));
}

/* Raise 42501: accounts other than the allowed ones may write to that directory. */
static void
raise_open_to_others(const char *path, const struct stat *st, const char *hint)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("others may write to directory \"%s\"", path),
			 errdetail("It is owned by %s and its mode is %04o; the server runs as %s.",
					   castssl_account_name(st->st_uid), (unsigned) (st->st_mode & 07777),
					   castssl_account_own()),
			 hint ? errhint("%s", hint)
				  : errhint("Name a directory in which, and in whose parents, only root and the "
							"server's account can write.")));
}

static bool
is_writable_by_others(const struct stat *st)
{
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0;
}

static bool
is_of_root_or_ours(const struct stat *st)
{
	return st->st_uid == 0 || !castssl_file_is_of_another(st);
}

/* A directory such as /tmp, whose mode must stay as it is. */
static bool
is_everybodys(const struct stat *st)
{
	return st->st_uid == 0 && (st->st_mode & S_ISVTX);
}

static void
stat_folder(const char *path, struct stat *st)
{
	if (castssl_platform_folder_stat(castssl_folder_open(path), st) != 0)
		castssl_file_raise_open(path, errno); /* LCOV_EXCL_LINE: it is open */
}

void
castssl_directory_check_private(const char *path, const char *other)
{
	struct stat st;

	stat_folder(path, &st);
	if (!castssl_platform_has_modes() ||
		!(castssl_file_is_of_another(&st) || is_writable_by_others(&st)))
		return;
	if (castssl_file_is_of_another(&st))
		raise_open_to_others(path, &st, other);
	raise_open_to_others(path, &st,
						 castssl_hint_with("Run as root: chmod 0700 %s", castssl_shell_word(path)));
}

void
castssl_directory_check_guarded(const char *path)
{
	struct stat st;
	bool sticky_will_do = false;

	if (!castssl_platform_has_modes())
		return; /* LCOV_EXCL_LINE: only on Windows */
	for (;;)
	{
		stat_folder(path, &st);
		if (!is_of_root_or_ours(&st) ||
			(is_writable_by_others(&st) && !(sticky_will_do && (st.st_mode & S_ISVTX))))
			raise_open_to_others(
				path, &st,
				is_everybodys(&st) || !is_of_root_or_ours(&st)
					? NULL
					: castssl_hint_with("Run as root: chmod go-w %s", castssl_shell_word(path)));
		if (strcmp(path, "/") == 0)
			return;
		sticky_will_do = true; /* for its parent, because root or we own this one */
		path = castssl_path_folder(path);
	}
}
