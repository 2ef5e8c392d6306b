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

/* One open folder.  It closes itself when the memory goes away that it lies in. */
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

	errno = error;
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
				 errdetail("A part of the path is a symbolic link or no directory, or the path "
						   "changed while it was being checked."),
				 errhint("Put the file and its directories themselves there, not links.")));
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

/* Keep it open as long as the memory is there. */
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

	if (open && !path_is_prefix_of_path(castssl_state_path(NULL), directory))
		return &open->folder;
	if (context == NULL)
		context = TopTransactionContext ? TopTransactionContext : CurrentMemoryContext;
	folder.path = open ? open->folder.path : MemoryContextStrdup(context, directory);
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
