/*
 * staged.c
 *		The manifest of what is staged, as the running transaction sees it.
 */
#include "postgres.h"

#include <sys/stat.h>

#include "change/fate.h"
#include "change/lock.h"
#include "change/manifest.h"
#include "flow/recipe/staged.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"

#define PAST "p_"

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

ConfigVariable *
castssl_staged_read_whole(void)
{
	return castssl_manifest_read(castssl_staged_path("manifest"), CASTSSL_STAGED_DISCARD);
}

static bool
is_past(const ConfigVariable *line)
{
	return strncmp(line->name, PAST, strlen(PAST)) == 0;
}

/* What counted before; NULL if nothing did. */
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

/* What of a manifest counts, with its past. */
static ConfigVariable *
what_counts(ConfigVariable *manifest)
{
	while (manifest && castssl_fate(transaction_of(manifest)) == CASTSSL_NOT_COMMITTED)
		manifest = past_of(manifest);
	return manifest;
}

ConfigVariable *
castssl_staged_read(void)
{
	ConfigVariable *manifest = what_counts(castssl_staged_read_whole());

	return manifest && castssl_manifest_number(manifest, "discarded") ? NULL : manifest;
}

void
castssl_staged_append_past(StringInfo manifest)
{
	ConfigVariable *past = what_counts(castssl_staged_read_whole());
	uint64 transaction = castssl_transaction_id(true);
	bool whole = true;

	castssl_lock_keep();
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

/* Is it the name of a value that is the hash of a copy, of now or of the past? */
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
