/*
 * journal.c
 *		The journal on disk: what each change did, and everything that is needed to undo it.
 */
#include "postgres.h"

#include <dirent.h>
#include <sys/stat.h>

#include "common/file_perm.h"
#include "storage/fd.h"
#include "utils/timestamp.h"

#include "base/fault.h"
#include "change/journal.h"
#include "change/lock.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/reading.h"
#include "server/disk/swap.h"
#include "server/parameters.h"
#include "server/process/call.h"
#include "server/process/raise.h"
#include "tls/openssl.h"

#define ID_DIGITS 17 /* the most digits of an id */
#define LAST_ID INT64CONST(99999999999999999)

char *
castssl_journal_before_path(int64 id, int n)
{
	return castssl_journal_path(id, psprintf("before-%d", n + 1));
}

char *
castssl_journal_after_path(int64 id, int n)
{
	return castssl_journal_path(id, psprintf("after-%d", n + 1));
}

char *
castssl_journal_back_path(int64 id, int n)
{
	return castssl_journal_path(id, psprintf("back-%d", n + 1));
}

char *
castssl_journal_next_path(int64 id, int n)
{
	return castssl_journal_path(id, n < 0 ? "next" : psprintf("next/%d", n + 1));
}

static int
compare_ids(const ListCell *a, const ListCell *b)
{
	int64 left = *(int64 *) lfirst(a);
	int64 right = *(int64 *) lfirst(b);

	return (left > right) - (left < right);
}

/* The id of a directory with this name; 0: it is not the directory of a change. */
static int64
id_of(const char *name)
{
	char *end;
	int64 id;
	struct stat st;

	/* the form that we write: no sign, no leading zero, and too short for an overflow */
	if (name[0] < '1' || name[0] > '9' || strlen(name) > ID_DIGITS)
		return 0;
	id = strtoll(name, &end, 10);
	if (*end != '\0' || lstat(castssl_journal_path(id, NULL), &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	return id;
}

List *
castssl_journal_ids(void)
{
	List *ids = NIL;
	char *path = castssl_state_path("changes");
	DIR *directory = AllocateDir(path);
	struct dirent *entry;

	if (directory == NULL && errno == ENOENT)
		return NIL;
	while ((entry = ReadDir(directory, path)) != NULL)
	{
		int64 id = id_of(entry->d_name);

		if (id != 0)
			ids = castssl_ids_append(ids, id);
	}
	FreeDir(directory);
	list_sort(ids, compare_ids);
	return ids;
}

int
castssl_journal_copy_mode(const char *data, size_t length, mode_t mode)
{
	if (!(mode & S_IRGRP) || strlen(data) != length || castssl_file_holds_key(data, length))
		return 0600;
	return pg_file_create_mode;
}

/* Fill in the before fields of the n-th file from the disk, and save its bytes. */
static void
save_before_image(CastsslChange *change, int n)
{
	CastsslChangedFile *file = list_nth(change->files, n);
	struct stat st;
	size_t length;
	char *data = castssl_file_read_if_exists(file->path, CASTSSL_HBA_LIMIT, &length, &st);
	char *image = castssl_journal_before_path(change->id, n);

	file->existed = (data != NULL);
	if (data == NULL)
		return;
	castssl_openssl_wipe_later(data, length); /* it may be a private key */
	file->mode = st.st_mode & 07777;
	file->uid = st.st_uid;
	file->gid = st.st_gid;
	file->before_hash = castssl_file_hash(data, length);
	castssl_file_create(image, data, length, castssl_journal_copy_mode(data, length, st.st_mode));
}

void
castssl_journal_prepare(CastsslChange *change)
{
	List *ids = castssl_journal_ids();
	struct stat st;

	change->id = ids ? *(int64 *) llast(ids) + 1 : 1;
	/* skip names that somebody else uses there for something that is not a change */
	while (lstat(castssl_journal_path(change->id, NULL), &st) == 0)
		change->id++;
	if (change->id > LAST_ID)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("there is no number left for another change"),
				 errdetail("\"%s\" has the last number.", castssl_journal_path(LAST_ID, NULL)),
				 errhint("Remove it: pg_castssl did not make it.")));
}

/* The hash of each file as this call has read it; "": the file did not exist; NULL: not read. */
static const char **
what_was_read(const CastsslChange *change)
{
	const char **hashes = palloc0(Max(list_length(change->files), 1) * sizeof(char *));

	for (int i = 0; i < list_length(change->files); i++)
	{
		const CastsslChangedFile *file = list_nth(change->files, i);
		const CastsslReading *reading = castssl_reading_find(file->path);

		if (reading)
			hashes[i] = reading->data ? castssl_file_hash(reading->data, reading->length) : "";
	}
	return hashes;
}

/* Raise an error if somebody else edited a file since it was read: the edit would be lost. */
static void
check_unwritten(const CastsslChange *change, const char **read)
{
	for (int i = 0; i < list_length(change->files); i++)
	{
		const CastsslChangedFile *file = list_nth(change->files, i);

		if (read[i] && strcmp(read[i], file->before_hash ? file->before_hash : "") != 0)
			castssl_swap_raise_changed(file->path);
	}
}

/* Read one before-image back.  If it cannot be read, the change could never be undone. */
static void
read_one_back(const CastsslChange *change)
{
	for (int i = 0; i < list_length(change->files); i++)
	{
		size_t length;
		char *data = castssl_journal_before_image(change, i, &length);

		if (data == NULL)
			continue;
		return;
	}
}

void
castssl_journal_begin(CastsslChange *change)
{
	const char **read = what_was_read(change);
	ListCell *cell;

	castssl_call_forget(); /* from here on read the disk again, not what the plan has read */
	castssl_directory_make(castssl_state_path(NULL));
	castssl_directory_make(castssl_state_path("changes"));
	castssl_directory_make(castssl_journal_path(change->id, NULL));

	for (int i = 0; i < list_length(change->files); i++)
		save_before_image(change, i);
	check_unwritten(change, read);
	castssl_call_forget();
	read_one_back(change);
	foreach (cell, change->parameters)
	{
		CastsslChangedParameter *parameter = lfirst(cell);

		parameter->before = castssl_parameter_stored(parameter->name);
	}
	change->state = CASTSSL_APPLYING;
	castssl_journal_update(change);
	castssl_watch_wake();
}

void
castssl_journal_update(const CastsslChange *change)
{
	CASTSSL_FAULT("change state");
	castssl_record_write(change);
	CASTSSL_FAULT("changed state");
}

/* A walk from the newest change to older ones, as far as the caller needs. */
typedef struct Walk
{
	List *ids; /* int64 *, ascending; the walk has passed those from count on */
	int count;
	List *taken_back; /* int64 *: changes that passed changes in effect have undone */
	/* int64 *: changes that passed changes have undone which need no confirmation any more */
	List *decided;
} Walk;

static Walk
walk_begin(void)
{
	Walk walk = { .ids = castssl_journal_ids() };

	walk.count = list_length(walk.ids);
	return walk;
}

/*
 * A change that a newer change in effect undoes is rolled back.  A change that was
 * undone and restored again was decided on, and no longer waits for confirmation.
 */
static void
settle_state(Walk *walk, CastsslChange *change)
{
	bool finished = (change->state == CASTSSL_APPLIED);

	if (change->state == CASTSSL_UNCONFIRMED && castssl_ids_have(walk->decided, change->id))
		change->state = CASTSSL_APPLIED;
	if (change->finished_at == 0 && castssl_ids_have(walk->decided, change->id))
		change->finished_at = change->applied_at;
	if (castssl_change_is_in_effect(change) && castssl_ids_have(walk->taken_back, change->id))
		change->state = CASTSSL_ROLLED_BACK;
	if (finished)
		walk->decided = list_concat(walk->decided, change->undoes);
	if (castssl_change_is_in_effect(change))
		walk->taken_back = list_concat(walk->taken_back, change->undoes);
}

/* The next older change; NULL if there are no more. */
static CastsslChange *
walk_down(Walk *walk)
{
	CastsslChange *change = NULL;

	while (change == NULL && walk->count > 0)
		change = castssl_record_read(*(int64 *) list_nth(walk->ids, --walk->count));
	if (change != NULL)
		settle_state(walk, change);
	return change;
}

List *
castssl_journal_list(void)
{
	Walk walk = walk_begin();
	List *changes = NIL;
	CastsslChange *change;

	while ((change = walk_down(&walk)) != NULL)
		changes = lcons(change, changes);
	return changes;
}

/* F0000 if the record of the change cannot be read. */
static void
check_damage(const CastsslChange *change)
{
	if (change->state == CASTSSL_DAMAGED)
		ereport(
			ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR),
			 errmsg("the record of change " INT64_FORMAT " is damaged", change->id),
			 errdetail("%s.  The change may have been interrupted, or may wait to be confirmed.",
					   change->reason),
			 castssl_hint_for_name(castssl_journal_path(change->id, NULL),
								   "Repair the server's files by hand, then remove the folder "
								   "\"%s\".  Files in it besides \"manifest\" are copies from "
								   "before the change.")));
}

void
castssl_journal_check_newest(void)
{
	CastsslChange *newest = castssl_journal_latest();

	if (newest)
		check_damage(newest);
}

CastsslChange *
castssl_journal_read(int64 id)
{
	Walk walk = walk_begin();
	CastsslChange *change;

	while ((change = walk_down(&walk)) != NULL && change->id > id)
		;
	return change && change->id == id ? change : NULL;
}

CastsslChange *
castssl_journal_read_existing(int64 id)
{
	CastsslChange *change = castssl_journal_read(id);

	if (change == NULL)
		ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
						errmsg("the record of change " INT64_FORMAT " is missing", id),
						errdetail("Somebody has removed the folder \"%s\".",
								  castssl_journal_path(id, NULL))));
	check_damage(change);
	return change;
}

CastsslChange *
castssl_journal_latest(void)
{
	Walk walk = walk_begin();

	return walk_down(&walk);
}

CastsslChange *
castssl_journal_open_change(void)
{
	Walk walk = walk_begin();
	CastsslChange *change;

	/*
	 * While a change is open, only a change that undoes it may begin.  So below an
	 * applied change, none is open.
	 */
	while ((change = walk_down(&walk)) != NULL && change->state != CASTSSL_APPLIED)
	{
		if (castssl_change_is_open(change))
			return change;
	}
	return NULL;
}

CastsslChange *
castssl_journal_in_effect(void)
{
	Walk walk = walk_begin();
	CastsslChange *change;

	while ((change = walk_down(&walk)) != NULL && !castssl_change_is_in_effect(change))
		;
	return change;
}

char *
castssl_journal_before_image(const CastsslChange *change, int n, size_t *length)
{
	const CastsslChangedFile *file = list_nth(change->files, n);
	char *image = file->back_hash ? castssl_journal_back_path(change->id, n)
								  : castssl_journal_before_path(change->id, n);
	char *data;

	if (!file->existed)
		return NULL;
	data = castssl_file_read(image, CASTSSL_HBA_LIMIT, length, NULL);
	castssl_openssl_wipe_later(data, *length); /* it may be a private key */
	if (strcmp(castssl_file_hash(data, *length), castssl_change_hash_back(file)) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("file \"%s\" is damaged", image),
				 errdetail("It should hold what \"%s\" held before change " INT64_FORMAT ".",
						   file->path, change->id),
				 castssl_hint_for_name(
					 castssl_journal_path(change->id, NULL),
					 "Repair the files by hand or from a backup, then remove the folder \"%s\".")));
	return data;
}
