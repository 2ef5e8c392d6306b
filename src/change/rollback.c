/*
 * rollback.c
 *		Restores files and parameters from the journal.
 */
#include "postgres.h"

#include <unistd.h>

#include "base/words.h"
#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "base/settings.h"
#include "change/attempt.h"
#include "change/bridge.h"
#include "change/edited.h"
#include "change/journal.h"
#include "change/rollback.h"
#include "change/staged.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/modes.h"
#include "server/disk/paths.h"
#include "server/disk/swap.h"
#include "server/parameters.h"
#include "server/process/call.h"
#include "server/reload.h"
#include "tls/openssl.h"

/* How to restore one file. */
typedef struct Restored
{
	bool replace;     /* restore its before-image, or remove it if it did not exist */
	bool set_mode;    /* restore only its mode */
	const char *seen; /* its hash when this was decided; NULL: it did not exist */
} Restored;

/* Writing one before-image beside its file. */
typedef struct Preparation
{
	const CastsslChange *change;
	int n;          /* which file */
	bool give_back; /* restore the owner too */
} Preparation;

void
castssl_change_take_staged(const CastsslChange *change)
{
	char *staged = castssl_state_path("staged");

	if (change->uses_staged && access(staged, F_OK) == 0)
		castssl_file_rename(staged, castssl_journal_path(change->id, "staged"));
}

bool
castssl_change_is_foreign(const CastsslChangedFile *file, const char *hash)
{
	return !castssl_same_text(hash, file->before_hash) &&
		   !castssl_same_text(hash, file->after_hash) &&
		   !castssl_same_text(hash, castssl_change_hash_back(file));
}

/* Does the change set only the mode of the file, not its bytes? */
static bool
keeps_content(const CastsslChangedFile *file)
{
	return castssl_same_text(file->before_hash, file->after_hash);
}

/*
 * A change writes new content beside each file, then swaps the two.  If the new content is still
 * beside a file, the file was not replaced, and must be left alone.  The journal records this,
 * because the new content is about to be removed.
 */
static void
find_untouched(CastsslChange *change)
{
	bool any = false;
	ListCell *cell;

	if (change->state != CASTSSL_APPLYING)
		return;
	foreach (cell, change->files)
	{
		CastsslChangedFile *file = lfirst(cell);
		char *now;
		char *waiting;

		if (file->elsewhere || file->left || file->untouched || keeps_content(file))
			continue;
		now = castssl_hash_on_disk(file->path, NULL);
		if (file->after_hash == NULL)
			file->untouched = now != NULL && castssl_change_is_foreign(file, now);
		else
		{
			waiting = castssl_hash_on_disk(castssl_file_temporary(file->path), NULL);
			file->untouched = castssl_same_text(waiting, file->after_hash);
		}
		any |= file->untouched && !castssl_same_text(now, file->before_hash);
	}
	if (any)
		castssl_journal_update(change);
}

static Restored
decide(const CastsslChangedFile *file)
{
	Restored result = { 0 };
	struct stat st;

	if (file->elsewhere || file->left || file->untouched)
		return result;
	result.seen = castssl_hash_on_disk(file->path, &st);
	if (keeps_content(file))
		result.set_mode = file->existed && result.seen != NULL;
	else if (!castssl_same_text(result.seen, castssl_change_hash_back(file)))
		result.replace = true;
	else
		result.set_mode = result.seen != NULL;
	result.set_mode = result.set_mode && (st.st_mode & 07777) != file->mode;
	return result;
}

static void
add_reason(CastsslChange *change, const char *path, const char *what, const char *outcome)
{
	change->reason = psprintf("%s%s\"%s\" %s: %s", change->reason ? change->reason : "",
							  change->reason ? "; " : "", path, what, outcome);
}

static void
leave(CastsslChange *change, CastsslChangedFile *file, const char *what)
{
	file->left = what;
	add_reason(change, file->path, what, "it is left as it is");
}

static void
warn_of_left(const CastsslChange *change)
{
	ListCell *cell;

	foreach (cell, change->files)
	{
		const CastsslChangedFile *file = lfirst(cell);

		if (file->left)
			ereport(WARNING, (errmsg("\"%s\" is not restored by undoing change " INT64_FORMAT,
									 file->path, change->id),
							  errdetail("It %s: it is left as it is.", file->left)));
	}
}

/* Is it the certificate or the key that TLS uses after the change is undone? */
static bool
is_of_pair(const CastsslChange *change, const CastsslChangedFile *file)
{
	static const char *const names[] = { "ssl_cert_file", "ssl_key_file" };
	bool named = false;

	for (int i = 0; i < lengthof(names) && !named; i++)
	{
		const CastsslChangedParameter *parameter =
			castssl_changed_parameter(change->parameters, names[i]);

		named = castssl_bridge_names(
			names[i], parameter ? parameter->before : castssl_parameter_stored(names[i]),
			file->path);
	}
	return named;
}

/*
 * Somebody may have put something else in the place of a file: a link, a folder.  The other files
 * are restored nonetheless.  But if it is the certificate, the key is left as it is, too, and the
 * other way round: they must match, else the server does not start.
 */
static void
find_left(CastsslChange *change)
{
	bool pair = false;
	ListCell *cell;

	foreach (cell, change->files)
	{
		CastsslChangedFile *file = lfirst(cell);

		if (file->elsewhere || !castssl_file_is_replaced(file->path))
			continue;
		leave(change, file, "was replaced by something that is no file of this change");
		pair |= is_of_pair(change, file);
	}
	foreach (cell, change->files)
	{
		CastsslChangedFile *file = lfirst(cell);

		if (pair && file->existed && !file->elsewhere && !file->left && is_of_pair(change, file))
			leave(change, file, "belongs to a file that was replaced");
	}
}

/*
 * Somebody has edited the n-th file since the change read it.  Keep a copy of the edited file,
 * which is at the path where, in the change's directory. stays: what is restored includes the edit.
 */
static void
keep_edited(CastsslChange *change, int n, const char *where, bool stays)
{
	const CastsslChangedFile *file = list_nth(change->files, n);
	char *copy = castssl_journal_path(change->id, psprintf("replaced-%d", n + 1));
	size_t length;
	char *data = castssl_file_read_if_exists(where, CASTSSL_HBA_LIMIT, &length, NULL);

	if (data == NULL)
		return;
	castssl_openssl_wipe_later(data, length); /* it may be a private key */
	castssl_file_replace(copy, data, length, 0600, NULL);
	add_reason(change, file->path, "was edited meanwhile",
			   stays ? "the edit stays" : psprintf("the edited file is kept in \"%s\"", copy));
	ereport(WARNING,
			(errmsg("file \"%s\" was edited since change " INT64_FORMAT ", which is being undone",
					file->path, change->id),
			 errdetail(stays ? "The edit stays.  A copy of the edited file is kept in \"%s\"."
							 : "The edited file is kept in \"%s\".",
					   copy)));
}

/*
 * Is somebody's edit beside the file?  castssl_swap() exchanges the file with what is beside it,
 * then looks at what came out.  After a crash in between, the edit is still there.  The file there
 * may also be a before-image that was not written to its end: that is no edit.
 */
static bool
edit_came_out(const CastsslChange *change, int n, const char *seen)
{
	const CastsslChangedFile *file = list_nth(change->files, n);
	size_t length;
	size_t before_length;
	char *out;
	char *before;

	if (!file->existed || file->after_hash == NULL || !castssl_same_text(seen, file->after_hash))
		return false;
	out = castssl_file_read_if_exists(castssl_file_temporary(file->path), CASTSSL_HBA_LIMIT,
									  &length, NULL);
	if (out == NULL)
		return false;
	castssl_openssl_wipe_later(out, length);
	before = castssl_journal_before_image(change, n, &before_length);
	return castssl_change_is_foreign(file, castssl_file_hash(out, length)) &&
		   (length > before_length || memcmp(out, before, length) != 0);
}

static void
prepare_before_image(void *arg)
{
	const Preparation *step = arg;
	const CastsslChangedFile *file = list_nth(step->change->files, step->n);
	struct stat owner = { .st_uid = file->uid, .st_gid = file->gid };
	mode_t mode = file->mode;
	size_t length;
	char *data = castssl_journal_before_image(step->change, step->n, &length);

	if (!step->give_back)
		mode = castssl_file_mode_as_ours(mode);
	castssl_file_prepare(file->path, data, length, mode, step->give_back ? &owner : NULL);
}

/* Write the before-image beside the file, with its owner if this account may set it. */
static void
prepare_one(const CastsslChange *change, int n)
{
	Preparation step = { .change = change, .n = n, .give_back = true };
	ErrorData *error = castssl_attempt(prepare_before_image, &step);

	if (error == NULL)
		return;
	if (error->sqlerrcode != ERRCODE_INSUFFICIENT_PRIVILEGE)
		ReThrowError(error);
	step.give_back = false;
	prepare_before_image(&step);
}

static void
remove_prepared(const CastsslChange *change)
{
	ListCell *cell;

	foreach (cell, change->files)
	{
		const CastsslChangedFile *file = lfirst(cell);

		if (!file->elsewhere && !castssl_file_folder_is_replaced(file->path))
			castssl_file_remove_leftover(file->path);
	}
}

/* Somebody edited the file: restore it with the edit if possible. */
static void
merge(CastsslChange *change, int n, Restored *wanted)
{
	CastsslChangedFile *file = list_nth(change->files, n);

	if (castssl_edited_keep(change, n))
		wanted->replace = !castssl_same_text(wanted->seen, file->back_hash);
}

/* A change, and how to restore each of its files. */
typedef struct Restoring
{
	CastsslChange *change;
	Restored *files;
} Restoring;

/* Do everything that can fail for lack of space or rights, before any file is restored. */
static void
prepare(void *arg)
{
	Restoring *restoring = arg;
	CastsslChange *change = restoring->change;

	for (int i = 0; i < list_length(change->files); i++)
	{
		const CastsslChangedFile *file = list_nth(change->files, i);
		const Restored *wanted = &restoring->files[i];

		if (file->left && !castssl_file_is_replaced(file->path) &&
			edit_came_out(change, i, castssl_hash_on_disk(file->path, NULL)))
			keep_edited(change, i, castssl_file_temporary(file->path), false);
		if (!wanted->replace)
			continue;
		if (edit_came_out(change, i, wanted->seen))
			keep_edited(change, i, castssl_file_temporary(file->path), false);
		if (castssl_change_is_foreign(file, wanted->seen))
			merge(change, i, &restoring->files[i]);
		if (!wanted->replace)
			continue;
		if (file->existed)
			prepare_one(change, i);
		else
			castssl_directory_check_writable(castssl_path_folder(file->path));
	}
	for (int i = 0; i < list_length(change->files); i++)
	{
		const CastsslChangedFile *file = list_nth(change->files, i);

		if (restoring->files[i].replace &&
			castssl_change_is_foreign(file, restoring->files[i].seen))
			keep_edited(change, i, file->path, file->back_hash != NULL);
	}
}

/* Record in the journal, and report, values that somebody else stored by ALTER SYSTEM since. */
static void
keep_parameters(CastsslChange *change)
{
	char *own = castssl_journal_path(change->id, NULL);
	bool any = false;
	ListCell *cell;

	foreach (cell, change->parameters)
	{
		CastsslChangedParameter *parameter = lfirst(cell);
		char *now = castssl_parameter_stored(parameter->name);

		if (now == NULL || parameter->replaced || castssl_same_text(now, parameter->before) ||
			castssl_same_text(now, parameter->after) || path_is_prefix_of_path(own, now) ||
			(strcmp(parameter->name, "ssl") == 0 && strcmp(now, "off") == 0))
			continue;
		parameter->replaced = now;
		any = true;
		ereport(WARNING, (errmsg("parameter \"%s\" was set since change " INT64_FORMAT
								 ", which is being undone",
								 parameter->name, change->id),
						  errdetail("The value that is replaced was \"%s\".", now)));
	}
	if (any)
		castssl_journal_update(change);
}

/*
 * The number of replaced files that parameters of TLS name.  A single one needs no bridge, because
 * a rename is atomic.
 */
static int
count_tls_files(const CastsslChange *change, const bool *replaced)
{
	int count = 0;

	for (int i = 0; i < list_length(change->files); i++)
	{
		const CastsslChangedFile *file = list_nth(change->files, i);
		bool named = false;

		for (int p = 0; castssl_bridge_parameters[p] && !named; p++)
			named = castssl_bridge_names(castssl_bridge_parameters[p],
										 castssl_parameter_stored(castssl_bridge_parameters[p]),
										 file->path);
		count += replaced[i] && named;
	}
	return count;
}

/* Are all parameters except ssl stored as before the change? */
static bool
parameters_are_as_before(const CastsslChange *change)
{
	ListCell *cell;

	foreach (cell, change->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);

		if (strcmp(parameter->name, "ssl") != 0 &&
			!castssl_parameter_is_stored(parameter->name, parameter->before))
			return false;
	}
	return true;
}

/* If TLS is on now and afterwards, keep it on (change/bridge.h); else store ssl = off. */
static void
bridge(const Restoring *restoring)
{
	const CastsslChange *change = restoring->change;
	const CastsslChangedParameter *ssl = castssl_changed_parameter(change->parameters, "ssl");
	bool *replaced = palloc0(Max(list_length(change->files), 1) * sizeof(bool));
	List *settings = NIL;

	if (!change->touches_tls || ssl == NULL)
		return;
	for (int i = 0; i < list_length(change->files); i++)
	{
		const CastsslChangedFile *file = list_nth(change->files, i);

		replaced[i] = restoring->files[i].replace && file->existed;
	}
	if (parameters_are_as_before(change) && count_tls_files(change, replaced) <= 1)
		return;
	if (castssl_bridge_starts_with_tls() && castssl_bridge_tls_is_on(ssl->before) &&
		castssl_bridge_settings(change, false, replaced, &settings))
		castssl_parameters_store(settings);
	else
		castssl_parameter_store("ssl", "off");
}

static void
put_files_back(const Restoring *restoring)
{
	const CastsslChange *change = restoring->change;

	for (int i = 0; i < list_length(change->files); i++)
	{
		const CastsslChangedFile *file = list_nth(change->files, i);
		const Restored *wanted = &restoring->files[i];

		if (wanted->set_mode)
			castssl_file_set_mode(file->path, file->mode);
		if (!wanted->replace)
			continue;
		if (file->existed)
			castssl_swap(file->path, wanted->seen);
		else
			castssl_swap_away(file->path, wanted->seen);
		castssl_directory_sync(castssl_path_folder(file->path));
	}
}

static void
put_parameters_back(const CastsslChange *change)
{
	List *settings = NIL;
	ListCell *cell;

	foreach (cell, change->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);
		CastsslSetting *setting = palloc0(sizeof(CastsslSetting));

		setting->name = parameter->name;
		setting->value = parameter->before;
		settings = lappend(settings, setting);
	}
	castssl_parameters_store(settings);
}

/*
 * Restore every file and parameter of the change, durably, however far the change had got.  Files
 * that are already restored are skipped, so a second call is harmless.  Everything that may fail
 * for lack of space or rights comes first: if it fails, no file and no parameter has changed.
 */
static void
restore(CastsslChange *change)
{
	Restoring restoring = { .change = change };
	ErrorData *error;

	find_left(change);
	find_untouched(change);
	restoring.files = palloc0(Max(list_length(change->files), 1) * sizeof(Restored));
	for (int i = 0; i < list_length(change->files); i++)
		restoring.files[i] = decide(list_nth(change->files, i));
	error = castssl_attempt(prepare, &restoring);
	if (error)
	{
		(void) castssl_attempt((CastsslAttempt) remove_prepared, change);
		ReThrowError(error);
	}
	keep_parameters(change);
	bridge(&restoring);
	put_files_back(&restoring);
	put_parameters_back(change);
	remove_prepared(change);
	castssl_directory_remove(castssl_journal_next_path(change->id, -1));
}

/* Remove what a change has prepared that has not replaced anything yet. */
static void
abandon(const CastsslChange *change)
{
	remove_prepared(change);
	castssl_directory_remove(castssl_journal_next_path(change->id, -1));
}

char *
castssl_change_undo(CastsslChange *change, CastsslChangeState state)
{
	char *problem;

	HOLD_INTERRUPTS();
	castssl_call_forget(); /* others may have written since this call looked */
	if (change->state != CASTSSL_APPLYING || change->switching)
		restore(change);
	else
		abandon(change);
	castssl_staged_give_back(castssl_journal_path(change->id, "staged"));
	RESUME_INTERRUPTS();
	problem = castssl_reload_undone(castssl_verify_timeout);
	change->state = state;
	change->transaction = 0;
	change->finished_at = GetCurrentTimestamp();
	castssl_journal_update(change);
	warn_of_left(change);
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

		if (file->elsewhere || castssl_file_is_replaced(file->path) ||
			!castssl_same_text(castssl_hash_on_disk(file->path, NULL), file->after_hash))
			appendStringInfo(&paths, "%s%s", paths.len ? ", " : "", file->path);
	}
	return paths.len ? paths.data : NULL;
}

char *
castssl_change_parameters_set_since(const CastsslChange *change)
{
	StringInfoData names;
	ListCell *cell;

	initStringInfo(&names);
	foreach (cell, change->parameters)
	{
		const CastsslChangedParameter *parameter = lfirst(cell);

		if (!castssl_same_text(parameter->before, parameter->after) &&
			!castssl_parameter_is_stored(parameter->name, parameter->after))
			appendStringInfo(&names, "%s%s", names.len ? ", " : "", parameter->name);
	}
	return names.len ? names.data : NULL;
}
