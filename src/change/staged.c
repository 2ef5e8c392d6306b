/*
 * staged.c
 *		The manifest of what is staged, as the running transaction sees it, and what discards it.
 */
#include "postgres.h"

#include <sys/stat.h>
#include <unistd.h>

#include "access/transam.h"
#include "access/xact.h"
#include "utils/memutils.h"

#include "change/attempt.h"
#include "change/fate.h"
#include "change/lock.h"
#include "change/manifest.h"
#include "change/record.h"
#include "change/staged.h"
#include "change/whose.h"
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

/* Does a manifest keep this line once it needs neither its transaction nor the earlier ones? */
static bool
is_settled(const ConfigVariable *line)
{
	return !is_past(line) && strcmp(line->name, "transaction") != 0;
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

/* The file that says that the transaction has committed. */
static char *
mark_in(const char *folder, uint64 transaction)
{
	return castssl_path_in(folder, psprintf("committed-" UINT64_FORMAT, transaction));
}

static char *
mark_of(uint64 transaction)
{
	return mark_in(castssl_state_path("staged"), transaction);
}

/*
 * What became of the transaction that wrote the manifest, which is in the folder?  Never
 * CASTSSL_FORGOTTEN.
 */
static CastsslFate
fate_in(const char *folder, const ConfigVariable *manifest)
{
	uint64 transaction = transaction_of(manifest);
	CastsslFate fate = castssl_fate(transaction);
	struct stat st;

	if (fate != CASTSSL_FORGOTTEN)
		return fate;
	return lstat(mark_in(folder, transaction), &st) == 0 ? CASTSSL_COMMITTED
														 : CASTSSL_NOT_COMMITTED;
}

static CastsslFate
fate_of(const ConfigVariable *manifest)
{
	return fate_in(castssl_state_path("staged"), manifest);
}

/* The manifest that counts: this one or an earlier one in it, with those before it. */
static ConfigVariable *
what_counts(ConfigVariable *manifest)
{
	while (manifest && fate_of(manifest) != CASTSSL_COMMITTED &&
		   fate_of(manifest) != CASTSSL_RUNNING)
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

	while (manifest && fate_of(manifest) != CASTSSL_COMMITTED)
		manifest = past_of(manifest);
	return unless_discarded(manifest);
}

/*
 * The (sub)transactions of the running transaction that have staged something, as ids, and the mark
 * to set when it commits.  Both are in TopTransactionContext.
 */
static List *staged_in;
static char *mark;

static void
remember(uint64 transaction)
{
	MemoryContext context = MemoryContextSwitchTo(TopTransactionContext);

	staged_in = castssl_ids_append(staged_in, (int64) transaction);
	MemoryContextSwitchTo(context);
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
		whole = fate_of(past) == CASTSSL_RUNNING;
	for (const ConfigVariable *line = transaction == 0 ? NULL : past; line; line = line->next)
	{
		/* without the transaction of one that has committed: its mark goes */
		if (whole || is_settled(line))
			castssl_manifest_append(manifest, psprintf(PAST "%s", line->name), line->value);
	}
	if (transaction != 0)
		remember(transaction);
}

void
castssl_staged_before_commit(void)
{
	MemoryContext context = MemoryContextSwitchTo(TopTransactionContext);

	for (int i = list_length(staged_in) - 1; i >= 0 && mark == NULL; i--)
	{
		uint64 transaction = (uint64) * (int64 *) list_nth(staged_in, i);
		FullTransactionId id = FullTransactionIdFromU64(transaction);

		/* the last one that was not rolled back to a savepoint counts */
		if (!TransactionIdDidAbort(XidFromFullTransactionId(id)))
			mark = mark_of(transaction);
	}
	MemoryContextSwitchTo(context);
}

void
castssl_staged_end(bool committed)
{
	if (committed && mark)
		castssl_file_mark(mark);
	staged_in = NIL;
	mark = NULL;
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

/* Did the transaction write the manifest, or an earlier one in it? */
static bool
is_of_transaction(const ConfigVariable *manifest, uint64 transaction)
{
	for (; manifest; manifest = past_of(manifest))
	{
		if (transaction_of(manifest) == transaction)
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
	for (; old; old = past_of(old))
	{
		if (!is_of_transaction(now, transaction_of(old)))
			castssl_file_remove(mark_of(transaction_of(old)));
	}
}

/*
 * The manifest in the folder that has committed and needs its transaction no longer: this one, or
 * an earlier one below those that were rolled back.  NULL: there is nothing to settle.
 */
static const ConfigVariable *
to_settle(const char *folder, const ConfigVariable *manifest)
{
	const ConfigVariable *committed = manifest;

	while (committed && fate_in(folder, committed) == CASTSSL_NOT_COMMITTED)
		committed = past_of(committed);
	if (committed == NULL || fate_in(folder, committed) != CASTSSL_COMMITTED)
		return NULL;
	return committed != manifest || transaction_of(committed) != 0 ? committed : NULL;
}

static void
write_settled(const char *folder, const ConfigVariable *committed)
{
	StringInfoData text;

	castssl_manifest_begin(&text);
	for (; committed; committed = committed->next)
	{
		if (is_settled(committed))
			castssl_manifest_append(&text, committed->name, committed->value);
	}
	castssl_manifest_write(castssl_path_in(folder, "manifest"), &text);
}

static void
read_whole(void *arg)
{
	*(const ConfigVariable **) arg = castssl_staged_read_whole();
}

void
castssl_staged_settle(void)
{
	const char *staged = castssl_state_path("staged");
	const ConfigVariable *whole = NULL;
	const ConfigVariable *committed;

	/* a damaged one is an error of whoever wants to know what is staged */
	(void) castssl_attempt(read_whole, &whole);
	committed = to_settle(staged, whole);
	if (committed == NULL)
		return;
	write_settled(staged, committed);
	castssl_staged_remove_copies(whole);
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

/* ---- giving back ---- */

/* How many times is the manifest that the line belongs to an earlier one? */
static int
depth_of(const ConfigVariable *line)
{
	int depth = 0;

	while (strncmp(line->name + depth * strlen(PAST), PAST, strlen(PAST)) == 0)
		depth++;
	return depth;
}

/* What is staged where a change gives back what it has taken. */
typedef struct Since
{
	const char *kept;            /* the folder with what it has taken */
	const ConfigVariable *taken; /* the manifest there; NULL: it is damaged */
	const ConfigVariable *whole;
	int depth;   /* so many manifests in whole have not been decided upon: they come first */
	bool open;   /* one of them may still be committed */
	bool counts; /* others are staged, and committed */
} Since;

static void
look_since(void *arg)
{
	Since *since = arg;
	const ConfigVariable *manifest = since->whole = castssl_staged_read_whole();

	for (; manifest; manifest = past_of(manifest), since->depth++)
	{
		CastsslFate fate = fate_of(manifest);

		since->open |= fate == CASTSSL_RUNNING || fate == CASTSSL_RUNS_ELSEWHERE;
		if (fate != CASTSSL_COMMITTED)
			continue;
		since->counts = castssl_manifest_number(manifest, "discarded") == 0;
		return;
	}
}

static void
read_taken(void *arg)
{
	Since *since = arg;

	since->taken =
		castssl_manifest_read(castssl_path_in(since->kept, "manifest"), CASTSSL_STAGED_DISCARD);
}

/* Put what was taken below the manifests that may still be committed. */
static void
put_below(const Since *since)
{
	const ConfigVariable *committed = to_settle(since->kept, since->taken);
	StringInfoData manifest;
	StringInfoData prefix;

	castssl_manifest_begin(&manifest);
	initStringInfo(&prefix);
	for (int i = 0; i < since->depth; i++)
		appendStringInfoString(&prefix, PAST);
	for (const ConfigVariable *line = since->whole; line; line = line->next)
	{
		if (depth_of(line) < since->depth)
			castssl_manifest_append(&manifest, line->name, line->value);
	}
	for (const ConfigVariable *line = committed ? committed : since->taken; line; line = line->next)
	{
		const char *copy = castssl_path_in(since->kept, line->value);

		if (committed && !is_settled(line))
			continue;
		castssl_manifest_append(&manifest, psprintf("%s%s", prefix.data, line->name), line->value);
		/* not there: an interrupted call has moved it */
		if (is_copy(line) && access(copy, F_OK) == 0)
			castssl_file_rename(copy, castssl_staged_path(line->value));
	}
	castssl_manifest_write(castssl_staged_path("manifest"), &manifest);
	castssl_directory_remove(since->kept);
}

static void
settle_taken(void *arg)
{
	const Since *since = arg;
	const ConfigVariable *committed = to_settle(since->kept, since->taken);

	if (committed)
		write_settled(since->kept, committed);
}

void
castssl_staged_give_back(const char *kept)
{
	char *staged = castssl_state_path("staged");
	Since since = { .kept = kept };

	/* what is damaged stays for whoever looks at it: it must not keep a change from being undone */
	if (access(kept, F_OK) != 0 || castssl_attempt(look_since, &since) != NULL || since.counts)
		return;
	(void) castssl_attempt(read_taken, &since);
	if (since.open)
	{
		if (since.taken)
			put_below(&since);
		return;
	}
	/* if there is no room for that, the mark comes along */
	(void) castssl_attempt(settle_taken, &since);
	castssl_directory_discard(staged);
	castssl_file_rename(kept, staged);
	castssl_staged_remove_copies(since.taken);
}
