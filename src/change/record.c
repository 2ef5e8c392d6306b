/*
 * record.c
 *		The record of one change, and its manifest on disk.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "change/attempt.h"
#include "change/fate.h"
#include "change/manifest.h"
#include "change/record.h"
#include "server/disk/paths.h"

static const char *const state_names[] = { "applying",    "uncommitted", "unconfirmed", "applied",
										   "rolled back", "expired",     "failed",      "damaged" };

const char *
castssl_change_state_name(CastsslChangeState state)
{
	return state_names[state];
}

bool
castssl_change_is_open(const CastsslChange *change)
{
	return change->state == CASTSSL_APPLYING || change->state == CASTSSL_UNCOMMITTED ||
		   change->state == CASTSSL_UNCONFIRMED;
}

bool
castssl_change_is_in_effect(const CastsslChange *change)
{
	return change->state == CASTSSL_UNCOMMITTED || change->state == CASTSSL_UNCONFIRMED ||
		   change->state == CASTSSL_APPLIED;
}

List *
castssl_ids_append(List *ids, int64 id)
{
	int64 *item = palloc(sizeof(int64));

	*item = id;
	return lappend(ids, item);
}

bool
castssl_ids_have(const List *ids, int64 id)
{
	ListCell *cell;

	foreach (cell, ids)
	{
		if (*(const int64 *) lfirst(cell) == id)
			return true;
	}
	return false;
}

CastsslChangedParameter *
castssl_changed_parameter(const List *parameters, const char *name)
{
	ListCell *cell;

	foreach (cell, parameters)
	{
		CastsslChangedParameter *parameter = lfirst(cell);

		if (strcmp(parameter->name, name) == 0)
			return parameter;
	}
	return NULL;
}

char *
castssl_journal_path(int64 id, const char *name)
{
	char *folder = psprintf("changes/" INT64_FORMAT, id);

	return castssl_state_path(name ? psprintf("%s/%s", folder, name) : folder);
}

const char *
castssl_change_hash_back(const CastsslChangedFile *file)
{
	return file->back_hash ? file->back_hash : file->before_hash;
}

/* The inode of the change's directory, which a copy does not share; 0: unknown. */
static int64
place_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64) st.st_ino : 0;
}

static void
append_file(StringInfo text, const CastsslChangedFile *file, int n)
{
	castssl_manifest_append(text, psprintf("file_%d", n), file->path);
	castssl_manifest_append(text, psprintf("file_%d_before", n), file->before_hash);
	castssl_manifest_append(text, psprintf("file_%d_after", n), file->after_hash);
	castssl_manifest_append(text, psprintf("file_%d_back", n), file->back_hash);
	castssl_manifest_append(text, psprintf("file_%d_left", n), file->left);
	if (file->untouched)
		castssl_manifest_append_number(text, psprintf("file_%d_untouched", n), 1);
	if (file->existed)
	{
		castssl_manifest_append_number(text, psprintf("file_%d_mode", n), file->mode);
		castssl_manifest_append_number(text, psprintf("file_%d_uid", n), file->uid);
		castssl_manifest_append_number(text, psprintf("file_%d_gid", n), file->gid);
	}
}

void
castssl_record_write(const CastsslChange *change)
{
	StringInfoData text;
	int n = 0;
	ListCell *cell;

	castssl_manifest_begin(&text);
	castssl_manifest_append(&text, "action", change->action);
	castssl_manifest_append(&text, "user_name", change->user_name);
	castssl_manifest_append(&text, "state", castssl_change_state_name(change->state));
	castssl_manifest_append_number(&text, "started_at", change->started_at);
	castssl_manifest_append_number(&text, "applied_at", change->applied_at);
	castssl_manifest_append_number(&text, "finished_at", change->finished_at);
	castssl_manifest_append_number(&text, "confirm_deadline", change->confirm_deadline);
	castssl_manifest_append_number(&text, "confirm_within", change->confirm_within);
	castssl_manifest_append_number(&text, "touches_tls", change->touches_tls);
	castssl_manifest_append_number(&text, "touches_tcp", change->touches_tcp);
	castssl_manifest_append_number(&text, "touches_over_tls", change->touches_over_tls);
	castssl_manifest_append_number(&text, "way_in", change->way_in);
	castssl_manifest_append_number(&text, "uses_staged", change->uses_staged);
	castssl_manifest_append_number(&text, "switching", change->switching);
	castssl_manifest_append(&text, "sessions", change->sessions);
	castssl_manifest_append(&text, "rules", change->rules);
	castssl_manifest_append(&text, "ca", change->ca);
	castssl_manifest_append(&text, "crl", change->crl);
	castssl_manifest_append_number(&text, "server_start", change->server_start);
	castssl_manifest_append(&text, "reason", change->reason);
	castssl_manifest_append_number(&text, "left_alone", change->left_alone);
	castssl_manifest_append_number(&text, "transaction", (int64) change->transaction);
	castssl_manifest_append_number(&text, "decision", (int64) change->decision);
	castssl_manifest_append_number(&text, "confirmed_at", change->confirmed_at);
	castssl_manifest_append_number(&text, "postponed_to", change->postponed_to);
	/* if a copy of the cluster only closes the change, the origin of the change stays */
	if (change->written_in && change->whose != CASTSSL_OURS)
	{
		castssl_manifest_append_number(&text, "place", change->place);
		castssl_manifest_append_number(&text, "control", change->control);
		castssl_manifest_append(&text, "data_directory", change->written_in);
	}
	else
	{
		castssl_manifest_append_number(&text, "place",
									   place_of(castssl_journal_path(change->id, NULL)));
		castssl_manifest_append_number(&text, "control", castssl_whose_control());
		castssl_manifest_append(&text, "data_directory", castssl_path_data_directory());
	}
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
		castssl_manifest_append(&text, psprintf("parameter_%d_replaced", n), parameter->replaced);
	}
	castssl_manifest_write(castssl_journal_path(change->id, "manifest"), &text);
	pfree(text.data);
}

/* The n-th file (from 1) of a manifest; NULL when there is none. */
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
	file->back_hash = castssl_manifest_value(manifest, psprintf("file_%d_back", n));
	file->left = castssl_manifest_value(manifest, psprintf("file_%d_left", n));
	file->existed = (file->before_hash != NULL);
	file->untouched = castssl_manifest_number(manifest, psprintf("file_%d_untouched", n)) != 0;
	file->mode = castssl_manifest_number(manifest, psprintf("file_%d_mode", n));
	file->uid = castssl_manifest_number(manifest, psprintf("file_%d_uid", n));
	file->gid = castssl_manifest_number(manifest, psprintf("file_%d_gid", n));
	return file;
}

/* The n-th parameter (from 1) of a manifest; NULL when there is none. */
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
	parameter->replaced = castssl_manifest_value(manifest, psprintf("parameter_%d_replaced", n));
	return parameter;
}

/* Set the files' present names in this data directory, outside and elsewhere. */
static void
find_files_here(CastsslChange *change, const char *written_in)
{
	const char *here = castssl_path_data_directory();
	ListCell *cell;

	if (written_in == NULL)
		written_in = here;
	foreach (cell, change->files)
	{
		CastsslChangedFile *file = lfirst(cell);

		if (path_is_prefix_of_path(written_in, file->path))
			file->path = psprintf("%s%s", here, file->path + strlen(written_in));
		else if (!path_is_prefix_of_path(here, file->path))
			file->outside = true;
		file->elsewhere = file->outside && change->whose == CASTSSL_ANOTHERS;
	}
}

static bool
find_state(const char *name, CastsslChangeState *state)
{
	for (int i = 0; i < CASTSSL_DAMAGED; i++)
	{
		*state = i;
		if (strcmp(name, state_names[i]) == 0)
			return true;
	}
	return false;
}

/* Apply the confirmation or new deadline in the manifest if its transaction has committed. */
static void
read_decision(CastsslChange *change, const ConfigVariable *manifest)
{
	CastsslFate fate;

	change->decision = (uint64) castssl_manifest_number(manifest, "decision");
	if (change->decision == 0)
		return;
	change->confirmed_at = castssl_manifest_number(manifest, "confirmed_at");
	change->postponed_to = castssl_manifest_number(manifest, "postponed_to");
	fate = castssl_fate(change->decision);
	if (fate == CASTSSL_RUNNING)
		return;
	change->decided = true;
	/* one that was rolled back is not forgotten: castssl_clear_up() takes it out of the manifest */
	if ((fate == CASTSSL_COMMITTED || fate == CASTSSL_FORGOTTEN) &&
		change->state == CASTSSL_UNCONFIRMED)
	{
		if (change->postponed_to != 0)
		{
			change->confirm_deadline = change->postponed_to;
			change->confirm_within = 0;
		}
		if (change->confirmed_at != 0)
		{
			change->state = CASTSSL_APPLIED;
			change->finished_at = change->confirmed_at;
		}
	}
	change->decision = 0;
	change->confirmed_at = change->postponed_to = 0;
}

/* One manifest to read. */
typedef struct Reading
{
	int64 id;
	CastsslChange *change; /* NULL: there is none */
} Reading;

static void
read_change(void *arg)
{
	Reading *reading = arg;
	char *path = castssl_journal_path(reading->id, "manifest");
	ConfigVariable *manifest = castssl_manifest_read(path, "See docs/changes.md.");
	const char *state = castssl_manifest_value(manifest, "state");
	const char *written_in = castssl_manifest_value(manifest, "data_directory");
	CastsslChange *change;
	CastsslChangedFile *file;
	CastsslChangedParameter *parameter;
	CastsslFate fate;
	int64 undone;

	if (manifest == NULL)
		return;
	change = palloc0(sizeof(CastsslChange));
	change->id = reading->id;
	change->action = castssl_manifest_value(manifest, "action");
	change->user_name = castssl_manifest_value(manifest, "user_name");
	if (state == NULL || change->action == NULL || !find_state(state, &change->state))
		ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
						errmsg("file \"%s\" lacks the action or the state of the change", path)));
	change->started_at = castssl_manifest_number(manifest, "started_at");
	change->applied_at = castssl_manifest_number(manifest, "applied_at");
	change->finished_at = castssl_manifest_number(manifest, "finished_at");
	change->confirm_deadline = castssl_manifest_number(manifest, "confirm_deadline");
	change->confirm_within = castssl_manifest_number(manifest, "confirm_within");
	change->uses_staged = castssl_manifest_number(manifest, "uses_staged") != 0;
	/* a manifest of 0.1.0 has no such line, because nothing was prepared there */
	change->switching = castssl_manifest_value(manifest, "switching") == NULL ||
						castssl_manifest_number(manifest, "switching") != 0;
	change->sessions = castssl_manifest_value(manifest, "sessions");
	change->rules = castssl_manifest_value(manifest, "rules");
	change->ca = castssl_manifest_value(manifest, "ca");
	change->crl = castssl_manifest_value(manifest, "crl");
	change->server_start = castssl_manifest_number(manifest, "server_start");
	change->reason = castssl_manifest_value(manifest, "reason");
	change->left_alone = castssl_manifest_number(manifest, "left_alone") != 0;
	change->transaction = (uint64) castssl_manifest_number(manifest, "transaction");
	fate = castssl_fate(change->transaction);
	/* a forgotten one has committed: the changes of others were undone long ago */
	if (fate != CASTSSL_COMMITTED && fate != CASTSSL_FORGOTTEN)
		change->state = CASTSSL_UNCOMMITTED;
	read_decision(change, manifest);
	change->undone = !change->left_alone &&
					 (change->state == CASTSSL_ROLLED_BACK || change->state == CASTSSL_EXPIRED ||
					  change->state == CASTSSL_FAILED);
	change->moved = castssl_manifest_number(manifest, "place") !=
						place_of(castssl_journal_path(change->id, NULL)) ||
					(castssl_manifest_value(manifest, "control") != NULL &&
					 castssl_manifest_number(manifest, "control") != castssl_whose_control());
	change->written_in = written_in;
	change->place = castssl_manifest_number(manifest, "place");
	change->control = castssl_manifest_number(manifest, "control");
	change->whose = castssl_whose_outside(written_in, change->moved);
	for (int n = 1; (file = read_file(manifest, n)) != NULL; n++)
		change->files = lappend(change->files, file);
	find_files_here(change, written_in);
	for (int n = 1; (parameter = read_parameter(manifest, n)) != NULL; n++)
		change->parameters = lappend(change->parameters, parameter);
	/* a manifest of 0.1.0 has no such line */
	change->touches_tls = castssl_manifest_value(manifest, "touches_tls") == NULL
							  ? castssl_changed_parameter(change->parameters, "ssl") != NULL
							  : castssl_manifest_number(manifest, "touches_tls") != 0;
	/* without such a line, the change may have touched anything */
	change->touches_tcp = castssl_manifest_value(manifest, "touches_tcp") == NULL ||
						  castssl_manifest_number(manifest, "touches_tcp") != 0;
	change->touches_over_tls = castssl_manifest_value(manifest, "touches_over_tls") == NULL ||
							   castssl_manifest_number(manifest, "touches_over_tls") != 0;
	change->way_in = Min(Max(castssl_manifest_number(manifest, "way_in"), CASTSSL_WAY_ANY),
						 CASTSSL_WAY_CERTIFICATE);
	for (int n = 1; (undone = castssl_manifest_number(manifest, psprintf("undoes_%d", n))) != 0;
		 n++)
		change->undoes = castssl_ids_append(change->undoes, undone);
	reading->change = change;
}

CastsslChange *
castssl_record_read(int64 id)
{
	Reading reading = { .id = id };
	ErrorData *error = castssl_attempt(read_change, &reading);

	if (error == NULL)
		return reading.change;
	reading.change = palloc0(sizeof(CastsslChange));
	reading.change->id = id;
	reading.change->state = CASTSSL_DAMAGED;
	reading.change->action = "unknown";
	reading.change->reason = error->message;
	return reading.change;
}
