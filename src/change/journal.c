/*
 * journal.c
 *		The journal on disk: what each change did, and everything that undoing it needs.
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
#include "change/manifest.h"
#include "server/call.h"
#include "server/files.h"
#include "server/parameters.h"
#include "server/paths.h"
#include "tls/openssl.h"

static const char *const state_names[] = { "applying", "unconfirmed", "applied", "rolled back",
										   "failed" };

const char *
castssl_change_state_name(CastsslChangeState state)
{
	return state_names[state];
}

bool
castssl_change_is_open(const CastsslChange *change)
{
	return change->state == CASTSSL_APPLYING || change->state == CASTSSL_UNCONFIRMED;
}

char *
castssl_journal_path(int64 id, const char *name)
{
	char *folder = psprintf("changes/" INT64_FORMAT, id);

	return castssl_state_path(name ? psprintf("%s/%s", folder, name) : folder);
}

static char *
before_image_path(int64 id, int n)
{
	return castssl_journal_path(id, psprintf("before-%d", n + 1));
}

static int
compare_ids(const ListCell *a, const ListCell *b)
{
	int64 left = *(int64 *) lfirst(a);
	int64 right = *(int64 *) lfirst(b);

	return (left > right) - (left < right);
}

static List *
append_id(List *ids, int64 id)
{
	int64 *item = palloc(sizeof(int64));

	*item = id;
	return lappend(ids, item);
}

static bool
has_id(const List *ids, int64 id)
{
	ListCell *cell;

	foreach (cell, ids)
	{
		if (*(int64 *) lfirst(cell) == id)
			return true;
	}
	return false;
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
		char *end;
		int64 id = strtoll(entry->d_name, &end, 10);

		if (end != entry->d_name && *end == '\0' && id > 0)
			ids = append_id(ids, id);
	}
	FreeDir(directory);
	list_sort(ids, compare_ids);
	return ids;
}

/* The mode of a copy: a key is for nobody else, nor is what was for nobody else. */
static int
copy_mode(const char *data, size_t length, mode_t mode)
{
	if (!(mode & S_IRGRP) || strlen(data) != length || strstr(data, "PRIVATE KEY-----") != NULL)
		return 0600;
	return pg_file_create_mode;
}

/* Fill in the state of a file on disk before the change, and save its bytes. */
static void
save_before_image(CastsslChange *change, int n)
{
	CastsslChangedFile *file = list_nth(change->files, n);
	struct stat st;
	size_t length;
	char *data = castssl_file_read_if_exists(file->path, CASTSSL_HBA_LIMIT, &length, &st);
	char *image = before_image_path(change->id, n);

	file->existed = (data != NULL);
	if (data == NULL)
		return;
	castssl_openssl_wipe_later(data, length); /* it may be a private key */
	file->mode = st.st_mode & 07777;
	file->uid = st.st_uid;
	file->gid = st.st_gid;
	file->before_hash = castssl_file_hash(data, length);
	castssl_file_create(image, data, length, copy_mode(data, length, st.st_mode));
}

void
castssl_journal_prepare(CastsslChange *change)
{
	List *ids = castssl_journal_ids();

	change->id = ids ? *(int64 *) llast(ids) + 1 : 1;
}

void
castssl_journal_begin(CastsslChange *change)
{
	ListCell *cell;

	/* from here on the disk counts, not the files from which the plan was made */
	castssl_call_forget();
	castssl_directory_make(castssl_state_path(NULL));
	castssl_directory_make(castssl_state_path("changes"));
	castssl_directory_make(castssl_journal_path(change->id, NULL));

	for (int i = 0; i < list_length(change->files); i++)
		save_before_image(change, i);
	foreach (cell, change->parameters)
	{
		CastsslChangedParameter *parameter = lfirst(cell);

		parameter->before = castssl_parameter_stored(parameter->name);
	}
	change->state = CASTSSL_APPLYING;
	castssl_journal_update(change);
	castssl_watch_wake();
}

/* A number that a copy of the change's directory does not share with the original; 0: unknown. */
static int64
place_of(int64 id)
{
	struct stat st;

	return stat(castssl_journal_path(id, NULL), &st) == 0 ? (int64) st.st_ino : 0;
}

static void
append_file(StringInfo text, const CastsslChangedFile *file, int n)
{
	castssl_manifest_append(text, psprintf("file_%d", n), file->path);
	castssl_manifest_append(text, psprintf("file_%d_before", n), file->before_hash);
	castssl_manifest_append(text, psprintf("file_%d_after", n), file->after_hash);
	if (file->elsewhere)
		castssl_manifest_append_number(text, psprintf("file_%d_elsewhere", n), 1);
	if (file->existed)
	{
		castssl_manifest_append_number(text, psprintf("file_%d_mode", n), file->mode);
		castssl_manifest_append_number(text, psprintf("file_%d_uid", n), file->uid);
		castssl_manifest_append_number(text, psprintf("file_%d_gid", n), file->gid);
	}
}

void
castssl_journal_update(const CastsslChange *change)
{
	StringInfoData text;
	int n = 0;
	ListCell *cell;

	initStringInfo(&text);
	castssl_manifest_append(&text, "action", change->action);
	castssl_manifest_append(&text, "user_name", change->user_name);
	castssl_manifest_append(&text, "state", castssl_change_state_name(change->state));
	castssl_manifest_append_number(&text, "started_at", change->started_at);
	castssl_manifest_append_number(&text, "applied_at", change->applied_at);
	castssl_manifest_append_number(&text, "finished_at", change->finished_at);
	castssl_manifest_append_number(&text, "confirm_deadline", change->confirm_deadline);
	castssl_manifest_append_number(&text, "touches_tls", change->touches_tls);
	castssl_manifest_append_number(&text, "uses_staged", change->uses_staged);
	castssl_manifest_append_number(&text, "place", place_of(change->id));
	castssl_manifest_append(&text, "data_directory", castssl_path_data_directory());
	foreach (cell, change->undoes)
		castssl_manifest_append_number(&text, psprintf("undoes_%d", ++n), *(int64 *) lfirst(cell));
	n = 0;
	foreach (cell, change->files)
		append_file(&text, lfirst(cell), ++n);
	n = 0;
	foreach (cell, change->parameters)
	{
		CastsslChangedParameter *parameter = lfirst(cell);

		n++;
		castssl_manifest_append(&text, psprintf("parameter_%d", n), parameter->name);
		castssl_manifest_append(&text, psprintf("parameter_%d_before", n), parameter->before);
		castssl_manifest_append(&text, psprintf("parameter_%d_after", n), parameter->after);
	}
	CASTSSL_FAULT("change state");
	castssl_file_replace(castssl_journal_path(change->id, "manifest"), text.data, text.len,
						 pg_file_create_mode, NULL);
	CASTSSL_FAULT("changed state");
	pfree(text.data);
}

/* The n-th file (from 1) of a manifest; NULL if there is none. */
static CastsslChangedFile *
read_file(const ConfigVariable *manifest, int n)
{
	const char *path = castssl_manifest_value(manifest, psprintf("file_%d", n));
	CastsslChangedFile *file;

	if (path == NULL)
		return NULL;
	file = palloc0(sizeof(CastsslChangedFile));
	file->path = path;
	file->before_hash = castssl_manifest_value(manifest, psprintf("file_%d_before", n));
	file->after_hash = castssl_manifest_value(manifest, psprintf("file_%d_after", n));
	file->existed = (file->before_hash != NULL);
	file->elsewhere = castssl_manifest_number(manifest, psprintf("file_%d_elsewhere", n)) != 0;
	file->mode = castssl_manifest_number(manifest, psprintf("file_%d_mode", n));
	file->uid = castssl_manifest_number(manifest, psprintf("file_%d_uid", n));
	file->gid = castssl_manifest_number(manifest, psprintf("file_%d_gid", n));
	return file;
}

/* The n-th parameter (from 1) of a manifest; NULL if there is none. */
static CastsslChangedParameter *
read_parameter(const ConfigVariable *manifest, int n)
{
	const char *name = castssl_manifest_value(manifest, psprintf("parameter_%d", n));
	CastsslChangedParameter *parameter;

	if (name == NULL)
		return NULL;
	parameter = palloc0(sizeof(CastsslChangedParameter));
	parameter->name = name;
	parameter->before = castssl_manifest_value(manifest, psprintf("parameter_%d_before", n));
	parameter->after = castssl_manifest_value(manifest, psprintf("parameter_%d_after", n));
	return parameter;
}

/* Replace the paths of the files by their paths in this data directory. */
static void
find_files_here(CastsslChange *change, const char *written_in)
{
	const char *here = castssl_path_data_directory();
	ListCell *cell;

	if (written_in == NULL || strcmp(written_in, here) == 0)
		return;
	foreach (cell, change->files)
	{
		CastsslChangedFile *file = lfirst(cell);

		if (path_is_prefix_of_path(written_in, file->path))
			file->path = psprintf("%s%s", here, file->path + strlen(written_in));
		else
			file->elsewhere |= change->moved;
	}
}

/* The change in a manifest; NULL if there is none of that id. */
static CastsslChange *
read_change(int64 id)
{
	ConfigVariable *manifest = castssl_manifest_read(castssl_journal_path(id, "manifest"));
	const char *state = castssl_manifest_value(manifest, "state");
	CastsslChange *change;
	CastsslChangedFile *file;
	CastsslChangedParameter *parameter;
	bool has_ssl = false;
	int64 undone;

	if (state == NULL)
		return NULL;
	change = palloc0(sizeof(CastsslChange));
	change->id = id;
	change->action = castssl_manifest_value(manifest, "action");
	change->user_name = castssl_manifest_value(manifest, "user_name");
	change->state = CASTSSL_FAILED;
	for (int i = 0; i < lengthof(state_names); i++)
	{
		if (strcmp(state, state_names[i]) == 0)
			change->state = i;
	}
	change->undone = (change->state == CASTSSL_ROLLED_BACK || change->state == CASTSSL_FAILED);
	change->started_at = castssl_manifest_number(manifest, "started_at");
	change->applied_at = castssl_manifest_number(manifest, "applied_at");
	change->finished_at = castssl_manifest_number(manifest, "finished_at");
	change->confirm_deadline = castssl_manifest_number(manifest, "confirm_deadline");
	change->uses_staged = castssl_manifest_number(manifest, "uses_staged") != 0;
	change->moved = castssl_manifest_number(manifest, "place") != place_of(id);
	for (int n = 1; (file = read_file(manifest, n)) != NULL; n++)
		change->files = lappend(change->files, file);
	find_files_here(change, castssl_manifest_value(manifest, "data_directory"));
	for (int n = 1; (parameter = read_parameter(manifest, n)) != NULL; n++)
	{
		change->parameters = lappend(change->parameters, parameter);
		has_ssl |= strcmp(parameter->name, "ssl") == 0;
	}
	/* A manifest of 0.1.0 has no entry for this. */
	change->touches_tls = castssl_manifest_value(manifest, "touches_tls") == NULL
							  ? has_ssl
							  : castssl_manifest_number(manifest, "touches_tls") != 0;
	for (int n = 1; (undone = castssl_manifest_number(manifest, psprintf("undoes_%d", n))) != 0;
		 n++)
		change->undoes = append_id(change->undoes, undone);
	return change;
}

/* A walk from the newest change to older ones, as far as the caller needs. */
typedef struct Walk
{
	List *ids; /* int64 *, ascending; the walk has passed those from count on */
	int count;
	List *taken_back; /* int64 *: changes that were undone by passed changes in effect */
	/* int64 *: changes that were undone by passed changes that wait for no confirmation */
	List *decided;
} Walk;

static Walk
walk_begin(void)
{
	Walk walk = { .ids = castssl_journal_ids() };

	walk.count = list_length(walk.ids);
	return walk;
}

static bool
is_in_effect(const CastsslChange *change)
{
	return change->state == CASTSSL_APPLIED || change->state == CASTSSL_UNCONFIRMED;
}

/*
 * A change that a newer change in effect undoes is rolled back.  A change that was
 * undone and restored again was decided on, and no longer waits for confirmation.
 */
static void
settle_state(Walk *walk, CastsslChange *change)
{
	bool finished = (change->state == CASTSSL_APPLIED);

	if (change->state == CASTSSL_UNCONFIRMED && has_id(walk->decided, change->id))
		change->state = CASTSSL_APPLIED;
	if (change->finished_at == 0 && has_id(walk->decided, change->id))
		change->finished_at = change->applied_at;
	if (is_in_effect(change) && has_id(walk->taken_back, change->id))
		change->state = CASTSSL_ROLLED_BACK;
	if (finished)
		walk->decided = list_concat(walk->decided, change->undoes);
	if (is_in_effect(change))
		walk->taken_back = list_concat(walk->taken_back, change->undoes);
}

/* The next older change; NULL if there are no more. */
static CastsslChange *
walk_down(Walk *walk)
{
	CastsslChange *change = NULL;

	while (change == NULL && walk->count > 0)
		change = read_change(*(int64 *) list_nth(walk->ids, --walk->count));
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

	while ((change = walk_down(&walk)) != NULL && !is_in_effect(change))
		;
	return change;
}

char *
castssl_journal_before_image(const CastsslChange *change, int n, size_t *length)
{
	const CastsslChangedFile *file = list_nth(change->files, n);
	char *image = before_image_path(change->id, n);
	char *data;

	if (!file->existed)
		return NULL;
	data = castssl_file_read(image, CASTSSL_HBA_LIMIT, length, NULL);
	castssl_openssl_wipe_later(data, *length); /* it may be a private key */
	if (strcmp(castssl_file_hash(data, *length), file->before_hash) != 0)
		ereport(
			ERROR,
			(errcode(ERRCODE_CONFIG_FILE_ERROR), errmsg("file \"%s\" is damaged", image),
			 errdetail("It is to hold what \"%s\" held before change " INT64_FORMAT ".", file->path,
					   change->id),
			 errhint("Put the files right by hand, or from a backup, and remove the folder \"%s\".",
					 castssl_journal_path(change->id, NULL))));
	return data;
}
