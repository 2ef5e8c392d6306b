/*
 * rollback.c
 *		Restores files and parameters from the journal.
 */
#include "postgres.h"

#include <unistd.h>

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "change/attempt.h"
#include "change/prune.h"
#include "change/rollback.h"
#include "server/files.h"
#include "server/parameters.h"
#include "server/paths.h"
#include "server/reload.h"
#include "tls/openssl.h"

/* One step of castssl_change_restore. */
typedef struct RestoreStep
{
	const CastsslChange *change;
	int n;          /* which file */
	bool give_back; /* restore its owner, too */
	const CastsslChangedParameter *parameter;
} RestoreStep;

void
castssl_change_take_staged(const CastsslChange *change)
{
	char *staged = castssl_state_path("staged");

	if (change->uses_staged && access(staged, F_OK) == 0)
		castssl_file_rename(staged, castssl_journal_path(change->id, "staged"));
}

/* Not if other edits were staged since. */
static void
give_staged_back(const CastsslChange *change)
{
	char *staged = castssl_state_path("staged");
	char *kept = castssl_journal_path(change->id, "staged");

	if (access(kept, F_OK) == 0 && access(staged, F_OK) != 0)
		castssl_file_rename(kept, staged);
}

/* The file's current bytes; NULL if it does not exist. */
static char *
read_now(const char *path, size_t *length, struct stat *st)
{
	char *data = castssl_file_read_if_exists(path, CASTSSL_HBA_LIMIT, length, st);

	/* it may be a private key */
	if (data)
		castssl_openssl_wipe_later(data, *length);
	return data;
}

static bool
same_text(const char *a, const char *b)
{
	return a == NULL ? b == NULL : (b != NULL && strcmp(a, b) == 0);
}

/* The hash of the file's current bytes; NULL if it does not exist. */
static char *
hash_now(const char *path, struct stat *st)
{
	size_t length;
	char *data = read_now(path, &length, st);

	return data ? castssl_file_hash(data, length) : NULL;
}

static bool
file_is_as_before(const CastsslChangedFile *file)
{
	struct stat now;
	char *hash;

	if (file->elsewhere)
		return true; /* not our file, so do not restore it */
	hash = hash_now(file->path, &now);
	return same_text(hash, file->before_hash) &&
		   (hash == NULL || (now.st_mode & 07777) == file->mode);
}

/*
 * Somebody has written the file since the change: keep its current contents in the
 * change's directory.
 */
static void
keep_edited(const CastsslChange *change, int n)
{
	const CastsslChangedFile *file = list_nth(change->files, n);
	char *copy = castssl_journal_path(change->id, psprintf("replaced-%d", n + 1));
	size_t length;
	char *data = read_now(file->path, &length, NULL);

	castssl_file_replace(copy, data, length, 0600, NULL);
	ereport(WARNING,
			(errmsg("file \"%s\" was edited since change " INT64_FORMAT ", which is being undone",
					file->path, change->id),
			 errdetail("What it held is kept in \"%s\".", copy)));
}

static void
write_before_image(void *arg)
{
	const RestoreStep *step = arg;
	const CastsslChangedFile *file = list_nth(step->change->files, step->n);
	struct stat owner = { .st_uid = file->uid, .st_gid = file->gid };
	mode_t mode = file->mode;
	size_t length;
	char *data = castssl_journal_before_image(step->change, step->n, &length);

	if (!step->give_back)
		mode = castssl_file_mode_as_ours(mode);
	castssl_file_replace(file->path, data, length, mode, step->give_back ? &owner : NULL);
}

/* Restore the file with its owner, or else without. */
static void
put_before_image_back(const CastsslChange *change, int n)
{
	RestoreStep step = { .change = change, .n = n, .give_back = true };
	ErrorData *error = castssl_attempt(write_before_image, &step);

	if (error == NULL)
		return;
	if (error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
		ReThrowError(error);
	step.give_back = false;
	write_before_image(&step);
}

static void
restore_file(void *arg)
{
	const RestoreStep *step = arg;
	const CastsslChange *change = step->change;
	const CastsslChangedFile *file = list_nth(change->files, step->n);
	char *now;

	if (file->elsewhere)
		return;
	castssl_file_remove_leftover(file->path);
	if (file_is_as_before(file))
		return;
	now = hash_now(file->path, NULL);
	if (now && !same_text(now, file->before_hash) && !same_text(now, file->after_hash))
	{
		if (change->moved)
			return;
		keep_edited(change, step->n);
	}
	if (file->existed)
		put_before_image_back(change, step->n);
	else
		castssl_file_remove(file->path);
}

static void
restore_parameter(void *arg)
{
	const CastsslChangedParameter *parameter = ((RestoreStep *) arg)->parameter;

	castssl_parameter_store(parameter->name, parameter->before);
}

/*
 * Does only ssl itself, or nothing, differ from before?  Then ssl need not be off during
 * the restore.
 */
static bool
all_as_before(const CastsslChange *change)
{
	ListCell *cell;

	foreach (cell, change->files)
	{
		if (!file_is_as_before(lfirst(cell)))
			return false;
	}
	foreach (cell, change->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);

		if (strcmp(parameter->name, "ssl") != 0 &&
			!castssl_parameter_is_stored(parameter->name, parameter->before))
			return false;
	}
	return true;
}

void
castssl_change_restore(const CastsslChange *change)
{
	const CastsslChangedParameter *ssl = NULL;
	ErrorData *problem = NULL;
	ListCell *cell;

	if (change->touches_tls && !all_as_before(change))
		castssl_parameter_store("ssl", "off");
	for (int i = 0; i < list_length(change->files); i++)
	{
		RestoreStep step = { .change = change, .n = i };
		ErrorData *error = castssl_attempt(restore_file, &step);

		problem = problem ? problem : error;
	}
	foreach (cell, change->parameters)
	{
		RestoreStep step = { .parameter = lfirst(cell) };
		ErrorData *error = NULL;

		if (strcmp(step.parameter->name, "ssl") == 0)
			ssl = step.parameter;
		else
			error = castssl_attempt(restore_parameter, &step);
		problem = problem ? problem : error;
	}
	if (problem)
		ReThrowError(problem);
	if (ssl)
		castssl_parameter_store("ssl", ssl->before);
}

char *
castssl_change_undo(CastsslChange *change, CastsslChangeState state)
{
	char *problem;

	HOLD_INTERRUPTS();
	castssl_change_restore(change);
	give_staged_back(change);
	RESUME_INTERRUPTS();
	problem = castssl_reload_undone(castssl_verify_timeout);
	change->state = state;
	change->finished_at = GetCurrentTimestamp();
	castssl_journal_update(change);
	return problem;
}

char *
castssl_change_edited_since(const CastsslChange *change)
{
	StringInfoData paths;
	ListCell *cell;

	initStringInfo(&paths);
	foreach (cell, change->files)
	{
		const CastsslChangedFile *file = lfirst(cell);

		if (file->elsewhere || !same_text(hash_now(file->path, NULL), file->after_hash))
			appendStringInfo(&paths, "%s%s", paths.len ? ", " : "", file->path);
	}
	return paths.len ? paths.data : NULL;
}

static bool
is_due(const CastsslChange *change, TimestampTz now)
{
	return change->state == CASTSSL_APPLYING ||
		   (change->state == CASTSSL_UNCONFIRMED && change->confirm_deadline <= now);
}

bool
castssl_change_recovery_is_due(void)
{
	CastsslChange *open = castssl_journal_open_change();

	return (open && is_due(open, GetCurrentTimestamp())) || castssl_leftovers_exist();
}

static void
recover_one(CastsslChange *change, int elevel)
{
	bool interrupted = (change->state == CASTSSL_APPLYING);
	char *problem = castssl_change_undo(change, interrupted ? CASTSSL_FAILED : CASTSSL_ROLLED_BACK);
	const char *by = change->user_name ? psprintf(" by %s", change->user_name) : "";

	ereport(
		elevel,
		(errmsg("pg_castssl: change " INT64_FORMAT " (%s%s) was undone: %s%s%s", change->id,
				change->action, by,
				interrupted ? "it had been interrupted" : "nobody confirmed it in time",
				problem ? "; but the server has not loaded it yet: " : "", problem ? problem : ""),
		 elevel == LOG ? 0 : errdetail("Files and parameters are as they were before it."),
		 elevel == LOG ? 0 : errhint("SELECT * FROM castssl_changes() shows it.")));
}

void
castssl_change_recover(int elevel)
{
	TimestampTz now = GetCurrentTimestamp();
	List *changes = castssl_journal_list();

	/* The newest first, because a newer change may have replaced what an older one wrote. */
	for (int i = list_length(changes) - 1; i >= 0; i--)
	{
		CastsslChange *change = list_nth(changes, i);

		if (is_due(change, now))
			recover_one(change, elevel);
	}
	castssl_clear_up();
}
