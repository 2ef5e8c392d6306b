/*
 * folder.c
 *		The folders of the files that a call reads and writes, each opened once.
 */
#include "postgres.h"

#include "lib/ilist.h"
#include "storage/fd.h"
#include "utils/memutils.h"

#include "server/disk/folder.h"
#include "server/disk/paths.h"
#include "server/process/call.h"
#include "server/process/platform_account.h"

/* So many of our own folders stay open: two for a rename, and some that are used again. */
#define OWN_FOLDERS 8

/* One open folder.  It is closed when its memory context is reset. */
typedef struct OpenFolder
{
	CastsslFolder folder;
	dlist_node node;
	MemoryContextCallback callback;
} OpenFolder;

static dlist_head open_folders = DLIST_STATIC_INIT(open_folders);

void
castssl_file_raise_open(const char *path, int error)
{
	char *group = error == EACCES ? castssl_account_missing_group(path) : NULL;
	bool own = error == ENOENT && castssl_path_is_of_authority(path);

	errno = error; /* for %m, after calls that set it */
	if (group)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("could not open file \"%s\": %m", path), CASTSSL_MISSING_GROUP(group)));
	if (error == EACCES || error == EPERM)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("could not open file \"%s\": %m", path), castssl_path_err_closed(path)));
	if (error == ELOOP || error == ENOTDIR)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("could not open file \"%s\": %m", path),
				 errdetail("A part of the path is a symbolic link or not a directory, or the path "
						   "changed during the check."),
				 errhint("Put the file and its directories themselves there, not links to them.")));
	if (own)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE), errmsg("could not open file \"%s\": %m", path),
				 errdetail("It is one of pg_castssl's own files."),
				 errhint("Put it back from a backup.")));
	if (error == ENOENT)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_FILE), errmsg("could not open file \"%s\": %m", path),
				 errdetail("The path is looked up on the server, not on the client."),
				 errhint("Copy the file there, or name the directory that holds it in "
						 "source_dir.")));
	/* LCOV_EXCL_START: such as a file system that fails */
	ereport(ERROR, (errcode_for_file_access(), errmsg("could not open file \"%s\": %m", path),
					errdetail("The path is looked up on the server, not on the client.")));
	/* LCOV_EXCL_STOP */
	pg_unreachable();
}

static void
close_folder(void *arg)
{
	OpenFolder *open = arg;

	dlist_delete(&open->node);
	castssl_platform_folder_close(&open->folder);
	ReleaseExternalFD();
}

static OpenFolder *
find_open(const char *directory)
{
	dlist_iter iter;

	dlist_foreach(iter, &open_folders)
	{
		OpenFolder *open = dlist_container(OpenFolder, node, iter.cur);

		if (strcmp(open->folder.path, directory) == 0)
			return open;
	}
	return NULL;
}

static bool
is_own(const char *directory)
{
	return path_is_prefix_of_path(castssl_state_path(NULL), directory);
}

/* Of our own open folders the one that was used longest ago; NULL if there are only a few. */
static OpenFolder *
find_replaceable(void)
{
	OpenFolder *oldest = NULL;
	int count = 0;
	dlist_iter iter;

	dlist_foreach(iter, &open_folders)
	{
		OpenFolder *open = dlist_container(OpenFolder, node, iter.cur);

		if (is_own(open->folder.path))
		{
			oldest = open;
			count++;
		}
	}
	return count < OWN_FOLDERS ? NULL : oldest;
}

/*
 * Keep the folder open until the memory context is reset; NULL, with errno set, if out of memory.
 */
static const CastsslFolder *
keep(MemoryContext context, CastsslFolder *folder)
{
	OpenFolder *open = MemoryContextAllocExtended(context, sizeof(OpenFolder), MCXT_ALLOC_NO_OOM);

	if (open == NULL)
	{
		/* LCOV_EXCL_START */
		castssl_platform_folder_close(folder);
		ReleaseExternalFD();
		errno = ENOMEM;
		return NULL;
		/* LCOV_EXCL_STOP */
	}
	open->folder = *folder;
	dlist_push_head(&open_folders, &open->node);
	open->callback.func = close_folder;
	open->callback.arg = open;
	MemoryContextRegisterResetCallback(context, &open->callback);
	return &open->folder;
}

const CastsslFolder *
castssl_folder_find(const char *directory)
{
	MemoryContext context = castssl_call_context();
	OpenFolder *open = find_open(directory);
	CastsslFolder folder;

	if (open && !is_own(directory))
		return &open->folder;
	if (open == NULL && is_own(directory))
		open = find_replaceable();
	if (open)
		context = GetMemoryChunkContext(open);
	else if (context == NULL)
		context = TopTransactionContext ? TopTransactionContext : CurrentMemoryContext;
	folder.path = open && strcmp(open->folder.path, directory) == 0
					  ? open->folder.path
					  : MemoryContextStrdup(context, directory);
	if (open == NULL && !AcquireExternalFD())
		return NULL; /* LCOV_EXCL_LINE: EMFILE */
	if (!castssl_platform_folder_open(&folder))
	{
		int error = errno;

		if (open == NULL)
			ReleaseExternalFD();
		errno = error;
		return NULL;
	}
	if (open == NULL)
		return keep(context, &folder);
	castssl_platform_folder_close(&open->folder);
	open->folder = folder;
	dlist_move_head(&open_folders, &open->node);
	return &open->folder;
}

const CastsslFolder *
castssl_folder_open(const char *directory)
{
	const CastsslFolder *folder = castssl_folder_find(directory);

	if (folder == NULL)
		castssl_file_raise_open(directory, errno);
	return folder;
}

const CastsslFolder *
castssl_folder_find_of(const char *path, const char **name)
{
	*name = last_dir_separator(path) + 1;
	return castssl_folder_find(castssl_path_folder(path));
}

const CastsslFolder *
castssl_folder_of(const char *path, const char **name)
{
	const CastsslFolder *folder = castssl_folder_find_of(path, name);

	if (folder == NULL)
		castssl_file_raise_open(path, errno);
	return folder;
}
