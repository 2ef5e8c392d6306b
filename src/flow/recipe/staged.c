/*
 * staged.c
 *		The manifest of what is staged, as the running transaction sees it, and what discards it.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "access/xact.h"

#include "change/fate.h"
#include "change/lock.h"
#include "change/manifest.h"
#include "change/whose.h"
#include "flow/recipe/staged.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"

#define PAST "p_"
#define CONTROL "control" /* castssl_whose_control(); 0 or missing: not known */

char *
castssl_staged_path(const char *name)
{
	return castssl_path_in(castssl_state_path("staged"), name);
}

bool
castssl_staged_exists(void)
{
	struct stat st;

	return lstat(castssl_staged_path("manifest"), &st) == 0;
}

/*
 * Did this server write it?  A copy of a data directory, such as a standby, has another server's.
 */
static bool
is_ours(const ConfigVariable *manifest)
{
	int64 control = castssl_manifest_number(manifest, CONTROL);

	return control == 0 || control == castssl_whose_control();
}

ConfigVariable *
castssl_staged_read_whole(void)
{
	ConfigVariable *manifest =
		castssl_manifest_read(castssl_staged_path("manifest"), CASTSSL_STAGED_DISCARD);

	return manifest && is_ours(manifest) ? manifest : NULL;
}

void
castssl_staged_begin(StringInfo manifest)
{
	castssl_manifest_begin(manifest);
	castssl_manifest_append_number(manifest, CONTROL, castssl_whose_control());
}

static bool
is_past(const ConfigVariable *line)
{
	return strncmp(line->name, PAST, strlen(PAST)) == 0;
}

/* The earlier manifest in it; NULL if there is none. */
static ConfigVariable *
past_of(const ConfigVariable *manifest)
{
	ConfigVariable *past = NULL;
	ConfigVariable **next = &past;

	for (const ConfigVariable *line = manifest; line; line = line->next)
	{
		if (!is_past(line))
			continue;
		*next = palloc0(sizeof(ConfigVariable));
		(*next)->name = line->name + strlen(PAST);
		(*next)->value = line->value;
		next = &(*next)->next;
	}
	return past;
}

static uint64
transaction_of(const ConfigVariable *manifest)
{
	return (uint64) castssl_manifest_number(manifest, "transaction");
}

/* The manifest that counts: this one or an earlier one in it, with those before it. */
static ConfigVariable *
what_counts(ConfigVariable *manifest)
{
	while (manifest && castssl_fate(transaction_of(manifest)) == CASTSSL_NOT_COMMITTED)
		manifest = past_of(manifest);
	return manifest;
}

/* NULL for a manifest that says that all was discarded. */
static ConfigVariable *
unless_discarded(ConfigVariable *manifest)
{
	return manifest && castssl_manifest_number(manifest, "discarded") ? NULL : manifest;
}

ConfigVariable *
castssl_staged_read(void)
{
	return unless_discarded(what_counts(castssl_staged_read_whole()));
}

ConfigVariable *
castssl_staged_read_without_transaction(void)
{
	ConfigVariable *manifest = castssl_staged_read_whole();

	while (manifest && castssl_fate(transaction_of(manifest)) != CASTSSL_COMMITTED)
		manifest = past_of(manifest);
	return unless_discarded(manifest);
}

void
castssl_staged_append_past(StringInfo manifest, uint64 transaction)
{
	ConfigVariable *past = what_counts(castssl_staged_read_whole());
	bool whole = true;

	castssl_lock_keep_staged();
	castssl_manifest_append_number(manifest, "transaction", (int64) transaction);
	if (past && transaction_of(past) == transaction)
		past = past_of(past); /* both are of the same (sub)transaction */
	else if (past)
		whole = castssl_fate(transaction_of(past)) == CASTSSL_RUNNING;
	for (const ConfigVariable *line = transaction == 0 ? NULL : past; line; line = line->next)
	{
		if (whole || !is_past(line))
			castssl_manifest_append(manifest, psprintf(PAST "%s", line->name), line->value);
	}
}

/* Does the line hold the hash of a copy, of the manifest or of an earlier one in it? */
static bool
is_copy(const ConfigVariable *line)
{
	const char *name = line->name;

	while (strncmp(name, PAST, strlen(PAST)) == 0)
		name += strlen(PAST);
	return strncmp(name, "file_", strlen("file_")) == 0 &&
		   strcmp(name + strlen(name) - strlen("_hash"), "_hash") == 0;
}

bool
castssl_staged_names(const ConfigVariable *manifest, const char *hash)
{
	for (const ConfigVariable *line = manifest; line; line = line->next)
	{
		if (is_copy(line) && strcmp(line->value, hash) == 0)
			return true;
	}
	return false;
}

void
castssl_staged_remove_copies(const ConfigVariable *old)
{
	const ConfigVariable *now = castssl_staged_read_whole();

	for (const ConfigVariable *line = old; line; line = line->next)
	{
		if (is_copy(line) && !castssl_staged_names(now, line->value))
			castssl_file_remove(castssl_staged_path(line->value));
	}
}

/* Write a manifest that discards all, and that counts if the transaction commits. */
static void
write_discarded(void)
{
	StringInfoData manifest;

	castssl_staged_begin(&manifest);
	castssl_manifest_append_number(&manifest, "discarded", 1);
	castssl_staged_append_past(&manifest, castssl_transaction_id(true));
	castssl_manifest_write(castssl_staged_path("manifest"), &manifest);
}

bool
castssl_staged_discard(void)
{
	bool existed = castssl_staged_exists();

	if (!IsTransactionBlock() && !IsSubTransaction())
	{
		castssl_directory_discard(castssl_state_path("staged"));
		return existed;
	}
	existed = castssl_staged_read() != NULL;
	if (existed)
		write_discarded();
	return existed;
}
