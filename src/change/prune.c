/*
 * prune.c
 *		Removes what the journal no longer needs.
 */
#include "postgres.h"

#include <dirent.h>
#include <unistd.h>

#include "storage/fd.h"
#include "utils/guc.h"

#include "base/settings.h"
#include "change/attempt.h"
#include "change/journal.h"
#include "change/prune.h"
#include "change/staged.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/scratch.h"

void
castssl_journal_abandon(int64 id)
{
	castssl_directory_remove(castssl_journal_path(id, NULL));
}

/*
 * Remove a change.  Remove the manifest first: a change without before-images must not look as
 * if it could be rolled back.
 */
static void
remove_change(int64 id, bool newest)
{
	castssl_file_remove(castssl_journal_path(id, "manifest"));
	if (newest)
		castssl_directory_empty(castssl_journal_path(id, NULL));
	else
		castssl_directory_remove(castssl_journal_path(id, NULL));
}

/* For a change that was undone: its before-images are restored, but for files left alone. */
static void
remove_before_images(const CastsslChange *change)
{
	for (int i = 0; i < list_length(change->files); i++)
	{
		if (((const CastsslChangedFile *) list_nth(change->files, i))->left)
			continue;
		castssl_file_remove(castssl_journal_before_path(change->id, i));
		castssl_file_remove(castssl_journal_back_path(change->id, i));
	}
}

/* For a change that is no longer in effect: an edit is not compared with it any more. */
static void
remove_after_images(const CastsslChange *change)
{
	for (int i = 0; i < list_length(change->files); i++)
		castssl_file_remove(castssl_journal_after_path(change->id, i));
}

static CastsslChange *
find_change(const List *changes, int64 id)
{
	ListCell *cell;

	foreach (cell, changes)
	{
		if (((CastsslChange *) lfirst(cell))->id == id)
			return lfirst(cell);
	}
	return NULL;
}

/*
 * Write down what became of decisions, while PostgreSQL still knows it.  The caller holds the lock,
 * so no other transaction is still deciding.  Each manifest is read again, because in the list a
 * change has the state that newer ones give it.
 */
static void
settle_decisions(const List *changes)
{
	ListCell *cell;

	foreach (cell, changes)
	{
		const CastsslChange *listed = lfirst(cell);
		const CastsslChange *change = listed->decided ? castssl_record_read(listed->id) : NULL;

		/* one that was copied here keeps the place where it was made */
		if (change && change->decided && !change->moved)
			castssl_journal_update(change);
	}
}

static void
prune(void)
{
	List *ids = castssl_journal_ids();
	List *changes = castssl_journal_list();
	int keep = castssl_keep_changes;
	int keep_undone = castssl_keep_changes;

	for (int i = list_length(ids) - 1; i >= 0; i--)
	{
		int64 id = *(int64 *) list_nth(ids, i);
		bool newest = (i == list_length(ids) - 1);
		CastsslChange *change = find_change(changes, id);

		if (change && change->state != CASTSSL_APPLYING && change->state != CASTSSL_DAMAGED)
			castssl_directory_remove(castssl_journal_next_path(id, -1));
		if (change && change->state == CASTSSL_UNCOMMITTED)
			keep--;
		if (change && (castssl_change_is_open(change) || change->state == CASTSSL_DAMAGED))
			continue; /* an open or damaged change is never removed */
		if (change && !castssl_change_is_in_effect(change))
			remove_after_images(change);
		if (change == NULL || (change->undone ? keep_undone-- : keep--) <= 0)
			remove_change(id, newest);
		else if (change->undone)
			remove_before_images(change);
	}
	/* last, for both need room on the disk, which pruning makes */
	castssl_staged_settle();
	settle_decisions(changes);
}

static bool
directory_is_empty(const char *path)
{
	DIR *directory = AllocateDir(path);
	struct dirent *entry;
	bool empty = true;

	if (directory == NULL)
		return true; /* another process has just removed it */
	while (empty && (entry = ReadDir(directory, path)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	FreeDir(directory);
	return empty;
}

bool
castssl_leftovers_exist(void)
{
	ListCell *cell;

	if (access(castssl_state_path(CASTSSL_SCRATCH_DIRECTORY), F_OK) == 0)
		return true;
	foreach (cell, castssl_journal_ids())
	{
		int64 id = *(int64 *) lfirst(cell);

		if (access(castssl_journal_path(id, "manifest"), F_OK) != 0 &&
			!directory_is_empty(castssl_journal_path(id, NULL)))
			return true;
		/* a copy, perhaps of a key, which a change that has ended left behind */
		if (access(castssl_journal_next_path(id, -1), F_OK) == 0)
			return true;
	}
	return false;
}

static void
clear_up(void *arg)
{
	castssl_directory_remove(castssl_state_path(CASTSSL_SCRATCH_DIRECTORY));
	castssl_file_remove_leftover(
		castssl_path_in(castssl_path_data_directory(), PG_AUTOCONF_FILENAME));
	prune();
}

void
castssl_clear_up(void)
{
	ErrorData *error = castssl_attempt(clear_up, NULL);

	if (error)
		ereport(WARNING, (errmsg("could not clear up after a change: %s", error->message),
						  errdetail("The change itself is not affected."),
						  errhint("The next change tries again.")));
}
