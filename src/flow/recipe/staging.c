/*
 * staging.c
 *		The staged pg_hba.conf, which collects edits until it is applied.
 */
#include "postgres.h"

#include "common/file_perm.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "base/clock.h"
#include "base/words.h"
#include "change/attempt.h"
#include "change/fate.h"
#include "change/journal.h"
#include "change/manifest.h"
#include "change/pending.h"
#include "change/staged.h"
#include "flow/plan/hba_plan.h"
#include "flow/recipe/staging.h"
#include "hba/text/diff.h"
#include "hba/text/read.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/disk/reading.h"
#include "server/hba_files.h"
#include "server/loader_hba.h"
#include "server/parameters.h"
#include "server/process/caller.h"
#include "server/process/raise.h"

/*
 * The manifest has live_N and live_N_hash for every file of pg_hba.conf, and file_N with
 * file_N_hash for the files that differ.  The copy of such a file is named by its hash.  The
 * manifest is replaced last, so it decides between the old copies and the new ones.  role_N are
 * the roles that staged what differs.
 *
 * A manifest without a file_N stages nothing, so the live files may change.
 */

/* The number of files that differ; 0 without a manifest. */
static int
count_files(const ConfigVariable *manifest)
{
	return manifest ? (int) castssl_manifest_number(manifest, "count") : 0;
}

static const char *
numbered(const ConfigVariable *manifest, const char *format, int n)
{
	char name[64];
	const char *value;

	snprintf(name, sizeof(name), format, n);
	value = castssl_manifest_value(manifest, name);
	if (value == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("the staged edits of pg_hba.conf are damaged"),
						errdetail("\"%s\" has no \"%s\".", castssl_staged_path("manifest"), name),
						errhint(CASTSSL_STAGED_DISCARD), castssl_err_reason("castssl_damaged")));
	return value;
}

static void
raise_changed(const char *what, const char *path, const char *detail)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("%s \"%s\" changed since the edits were staged", what, path),
					errdetail("%s", detail),
					errhint("Look at the file.  Then discard the edits and stage them again: "
							"SELECT castssl_hba_discard();"),
					castssl_err_reason("castssl_stale")));
}

/* 55000 unless pg_hba.conf is still the one for which the edits were made. */
static void
check_live(const CastsslHbaPolicy *live, const ConfigVariable *manifest)
{
	int n = (int) castssl_manifest_number(manifest, "live_count");

	for (int i = 0; i < Max(n, live->nfiles); i++)
	{
		const CastsslHbaDocument *file = i < live->nfiles ? live->files[i] : NULL;

		if (i >= n)
			raise_changed("live file", file->path, "It was not included then.");
		if (file == NULL || strcmp(file->path, numbered(manifest, "live_%d", i + 1)) != 0)
			raise_changed("live file", numbered(manifest, "live_%d", 1),
						  "It includes other files now.");
		if (strcmp(castssl_file_hash(file->data, file->length),
				   numbered(manifest, "live_%d_hash", i + 1)) != 0)
			raise_changed("live file", file->path, "Its content has changed.");
	}
}

/* The staged files, as an overlay for the live ones. 55000 if they are not as we wrote them. */
static CastsslHbaOverlay *
read_staged(const ConfigVariable *manifest, int *count)
{
	int n = count_files(manifest);
	CastsslHbaOverlay *overlay = palloc(Max(n, 1) * sizeof(CastsslHbaOverlay));

	for (int i = 0; i < n; i++)
	{
		const char *hash = numbered(manifest, "file_%d_hash", i + 1);
		char *copy = castssl_staged_path(hash);

		overlay[i].path = numbered(manifest, "file_%d", i + 1);
		overlay[i].data =
			castssl_file_read_if_exists(copy, CASTSSL_HBA_LIMIT, &overlay[i].length, NULL);
		if (overlay[i].data == NULL)
			raise_changed("staged file", copy, "It is gone.");
		if (strcmp(castssl_file_hash(overlay[i].data, overlay[i].length), hash) != 0)
			raise_changed("staged file", copy, "Its content is not what was staged.");
	}
	*count = n;
	return overlay;
}

CastsslHbaPolicy *
castssl_staging_policy(CastsslHbaPolicy **live)
{
	ConfigVariable *manifest = castssl_staged_read();
	CastsslHbaPolicy *before = castssl_hba_files_read(NULL, 0);
	CastsslHbaOverlay *overlay;
	int count;

	if (live)
		*live = before;
	if (count_files(manifest) == 0)
		return before;
	check_live(before, manifest);
	overlay = read_staged(manifest, &count);
	return castssl_hba_files_read(overlay, count);
}

void
castssl_staging_check(void)
{
	if (castssl_staged_read() == NULL)
		ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
						errmsg("no edits of pg_hba.conf are staged"),
						errdetail("\"%s\" holds none.", castssl_staged_path("manifest")),
						errhint("Stage some: castssl_hba_add(), castssl_hba_change(), "
								"castssl_hba_remove(), castssl_hba_require_tls() or "
								"castssl_hba_stage()."),
						castssl_err_reason("castssl_nothing_staged")));
}

/* F0000 if the files exceed our limits, because the server's own parser would run for too long. */
static void
check_limits(const CastsslHbaPolicy *policy)
{
	if (policy->beyond_limit)
		ereport(ERROR, (errcode(ERRCODE_CONFIG_FILE_ERROR),
						errmsg("pg_hba.conf is too large: %s", policy->beyond_limit),
						errdetail("At most %d references to files by @ and %d names from them are "
								  "read in one line, and %d lines of included files.",
								  CASTSSL_HBA_MOST_REFERENCES, CASTSSL_HBA_MOST_NAMES,
								  CASTSSL_HBA_MOST_INCLUDED_LINES),
						errhint("Use a role that the users are members of: +role.")));
}

/* Add what the server's own parser refuses in a policy, or in a part of one. */
static void
ask_server(const CastsslHbaPolicy *policy, bool part, CastsslFindings *findings)
{
	castssl_directory_make(castssl_state_path(NULL));
	castssl_loader_check_hba_policy(policy, part, findings);
}

/* Add what the parser refuses in lines that are in one policy's files and not in the other's. */
static void
ask_server_of_changes(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after,
					  CastsslFindings *findings)
{
	CastsslHbaPolicy part = { .version = after->version, .nfiles = after->nfiles + 1 };

	/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
	part.files = palloc(part.nfiles * sizeof(*part.files));
	/* files that the lines may refer to: of equal names, the first counts */
	for (int i = 0; i < after->nfiles; i++)
		part.files[i + 1] = after->files[i];
	for (int i = 0; i < after->nfiles; i++)
	{
		const CastsslHbaDocument *old = castssl_hba_policy_file(before, after->files[i]->path);

		if (old == NULL)
			continue; /* a changed line includes the file */
		part.files[0] = castssl_hba_document_changes(old, after->files[i]);
		if (castssl_hba_document_has_lines(part.files[0]))
			ask_server(&part, true, findings);
	}
}

/*
 * F0000 if the server would refuse more of the staged policy than of the policy it was
 * made from.
 */
static void
check_edited(const CastsslHbaPolicy *before, const CastsslHbaPolicy *after)
{
	CastsslFindings now = { 0 };
	CastsslFindings then = { 0 };

	check_limits(after);
	if (after->nrules == 0 && before->nrules > 0)
		ask_server(after, false, &now); /* the server loads no policy without a rule */
	else
		ask_server_of_changes(before, after, &now);
	if (castssl_finding_first(&now, CASTSSL_ERROR) == NULL)
		return;
	ask_server_of_changes(after, before, &then);
	if (then.count >= now.count)
		return; /* it was invalid before, and these edits may be part of a repair */
	castssl_raise_first_error_hinting(&now, ERRCODE_CONFIG_FILE_ERROR, CASTSSL_STAGING_EXAMPLE);
}

/* Returns the file's hash. */
static const char *
append_hash(StringInfo manifest, const char *name, int n, const CastsslHbaDocument *file)
{
	const char *hash = castssl_file_hash(file->data, file->length);

	castssl_manifest_append(manifest, psprintf("%s_%d", name, n), file->path);
	castssl_manifest_append(manifest, psprintf("%s_%d_hash", name, n), hash);
	return hash;
}

/* ---- who staged ---- */

/* The roles that staged what differs: names, as a List. */
static List *
roles_of(const ConfigVariable *manifest)
{
	List *roles = NIL;
	int n = count_files(manifest) == 0 ? 0 : (int) castssl_manifest_number(manifest, "roles");

	for (int i = 0; i < n; i++)
		roles = lappend(roles, unconstify(char *, numbered(manifest, "role_%d", i + 1)));
	return roles;
}

static bool
is_among(const List *roles, const char *name)
{
	ListCell *cell;

	foreach (cell, roles)
	{
		if (strcmp(lfirst(cell), name) == 0)
			return true;
	}
	return false;
}

/* Names joined by ", ", without the one that is left out (NULL: none).  NULL if there is none. */
static const char *
role_list(const List *roles, const char *left_out)
{
	StringInfoData text;
	ListCell *cell;

	initStringInfo(&text);
	foreach (cell, roles)
	{
		const char *name = lfirst(cell);

		if (left_out == NULL || strcmp(name, left_out) != 0)
			castssl_append_listed(&text, quote_identifier(name));
	}
	return text.len > 0 ? text.data : NULL;
}

/* What others than the caller have staged, for a message; NULL if nothing. */
static const char *
staged_by_others(const ConfigVariable *manifest)
{
	const char *others = role_list(roles_of(manifest), castssl_caller_name());

	return others ? psprintf("staged by %s, last at %s", others,
							 castssl_manifest_value(manifest, "staged_at"))
				  : NULL;
}

/* The hash of the files that differ; NULL: there is none. */
static const char *
staged_hash(const ConfigVariable *manifest)
{
	StringInfoData text;

	if (count_files(manifest) == 0)
		return NULL;
	initStringInfo(&text);
	for (int i = 0; i < count_files(manifest); i++)
		appendStringInfo(&text, "%s\n%s\n", numbered(manifest, "file_%d", i + 1),
						 numbered(manifest, "file_%d_hash", i + 1));
	return castssl_file_hash(text.data, text.len);
}

static void
look(void *arg)
{
	CastsslStaged *staged = arg;
	const ConfigVariable *manifest = castssl_staged_read();

	staged->hash = staged_hash(manifest);
	staged->roles = role_list(roles_of(manifest), NULL);
	staged->at = staged->hash ? castssl_manifest_value(manifest, "staged_at") : NULL;
	staged->differs = staged->hash != NULL;
	staged->by_transaction = count_files(castssl_staged_read_without_transaction()) == 0;
}

CastsslStaged
castssl_staging_look(void)
{
	CastsslStaged staged = { 0 };

	if (castssl_staged_exists() && castssl_attempt(look, &staged))
		staged = (CastsslStaged){ .differs = true };
	return staged;
}

static void
fit(void *arg)
{
	const ConfigVariable *manifest = castssl_staged_read();
	int count;

	if (count_files(manifest) == 0)
		return;
	check_live(castssl_hba_files_read(NULL, 0), manifest);
	(void) read_staged(manifest, &count);
}

char *
castssl_staging_misfit(void)
{
	ErrorData *error = castssl_staged_exists() ? castssl_attempt(fit, NULL) : NULL;

	return error ? error->message : NULL;
}

const char *
castssl_staging_waits_for(void)
{
	const CastsslChange *open = castssl_journal_open_change();

	if (open && !castssl_pending_is_own(open->id))
		return psprintf("Change " INT64_FORMAT " waits, and no other change can be made before "
						"its end: SELECT * FROM castssl_changes(); shows it.",
						open->id);
	if (castssl_staging_misfit())
		return "First forget the edits that are staged and no longer fit: SELECT "
			   "castssl_hba_discard();";
	if (castssl_staging_look().differs)
		return "Other edits of pg_hba.conf are staged: SELECT castssl_hba_diff(); shows them.  "
			   "First apply them or discard them.";
	return NULL;
}

/* ---- writing ---- */

/* The state of a write. */
typedef struct Staging
{
	const CastsslHbaPolicy *live;
	const CastsslHbaPolicy *staged;
	const ConfigVariable *old; /* the manifest that counts so far; NULL: none */
	uint64 transaction;        /* the caller's, not that of castssl_attempt() */
} Staging;

static void
append_roles(StringInfo manifest, List *roles)
{
	const char *caller = castssl_caller_name();
	ListCell *cell;
	int n = 0;

	if (!is_among(roles, caller))
		roles = lappend(roles, unconstify(char *, caller));
	foreach (cell, roles)
		castssl_manifest_append(manifest, psprintf("role_%d", ++n), lfirst(cell));
	castssl_manifest_append_number(manifest, "roles", n);
	castssl_manifest_append(manifest, "staged_at", castssl_time_text(time(NULL)));
}

/* The copies first and the manifest last, because the manifest decides what counts. */
static void
write_copies_and_manifest(void *arg)
{
	const Staging *staging = arg;
	StringInfoData manifest;
	int n = 0;

	castssl_staged_begin(&manifest);
	for (int i = 0; i < staging->live->nfiles; i++)
		(void) append_hash(&manifest, "live", i + 1, staging->live->files[i]);
	castssl_manifest_append_number(&manifest, "live_count", staging->live->nfiles);
	for (int i = 0; i < staging->staged->nfiles; i++)
	{
		const CastsslHbaDocument *after = staging->staged->files[i];
		const char *hash;

		if (!castssl_hba_plan_differs(staging->live, after))
			continue;
		hash = append_hash(&manifest, "file", ++n, after);
		castssl_file_replace(castssl_staged_path(hash), after->data, after->length,
							 pg_file_create_mode, NULL);
	}
	castssl_manifest_append_number(&manifest, "count", n);
	append_roles(&manifest, roles_of(staging->old));
	castssl_staged_append_past(&manifest, staging->transaction);
	castssl_manifest_write(castssl_staged_path("manifest"), &manifest);
}

/*
 * After a failure: remove the new copies that no manifest names.  A new manifest that is in place
 * already does not count, because the transaction does not commit.
 */
static void
remove_new_copies(void *arg)
{
	const Staging *staging = arg;
	const ConfigVariable *manifest;

	castssl_reading_forget(castssl_staged_path("manifest"));
	manifest = castssl_staged_read_whole();
	if (manifest == NULL)
	{
		castssl_directory_discard(castssl_state_path("staged"));
		return;
	}
	for (int i = 0; i < staging->staged->nfiles; i++)
	{
		const CastsslHbaDocument *file = staging->staged->files[i];
		const char *hash = castssl_file_hash(file->data, file->length);

		if (!castssl_staged_names(manifest, hash))
			castssl_file_remove(castssl_staged_path(hash));
	}
}

/* Write what differs from the live files. */
static void
write_staged(const CastsslHbaPolicy *live, const CastsslHbaPolicy *staged)
{
	ConfigVariable *whole = castssl_staged_read_whole();
	ConfigVariable *old = castssl_staged_read();
	Staging staging = {
		.live = live, .staged = staged, .old = old, .transaction = castssl_transaction_id(true)
	};
	const char *others = staged_by_others(old);
	ErrorData *error;

	if (others)
		ereport(NOTICE, (errmsg("edits of another role are staged already"),
						 errdetail("They were %s.", others),
						 errhint("SELECT castssl_hba_diff() shows all that castssl_hba_apply() "
								 "would make live.")));
	if (whole == NULL && castssl_staged_exists())
		castssl_directory_discard(castssl_state_path("staged")); /* another server's */
	castssl_directory_make(castssl_state_path(NULL));
	castssl_directory_make(castssl_state_path("staged"));
	error = castssl_attempt(write_copies_and_manifest, &staging);
	if (error)
	{
		(void) castssl_attempt(remove_new_copies, &staging);
		ReThrowError(error);
	}
	castssl_staged_remove_copies(whole);
}

CastsslHbaPolicy *
castssl_staging_edit(const CastsslHbaPolicy *live, const CastsslHbaPolicy *policy,
					 const CastsslHbaEdits *edits)
{
	CastsslHbaPolicy *staged;
	bool *checked = palloc0(policy->nfiles * sizeof(bool));

	/* refuse files that cannot be edited before judging the result */
	for (int i = 0; i < edits->count; i++)
	{
		int file = edits->items[i].file;

		if (!checked[file])
			(void) castssl_hba_plan_live(live, policy->files[file]->path);
		checked[file] = true;
	}
	staged = castssl_hba_plan_render(policy, edits);
	check_edited(policy, staged);
	write_staged(live, staged);
	return staged;
}

CastsslHbaPolicy *
castssl_staging_replace(const CastsslHbaPolicy *live, const char *content, size_t length)
{
	CastsslHbaOverlay overlay = { .path = live->files[0]->path, .data = content, .length = length };
	CastsslHbaPolicy *staged;
	CastsslFindings findings = { 0 };

	(void) castssl_hba_plan_live(live, overlay.path);
	staged = castssl_hba_files_read(&overlay, 1);
	check_limits(staged);
	ask_server(staged, false, &findings);
	castssl_raise_first_error_hinting(&findings, ERRCODE_CONFIG_FILE_ERROR,
									  CASTSSL_STAGING_EXAMPLE);
	write_staged(live, staged);
	return staged;
}

char *
castssl_staging_diff(const CastsslHbaPolicy *live, const CastsslHbaPolicy *staged)
{
	StringInfoData diff;

	initStringInfo(&diff);
	for (int i = 0; i < staged->nfiles; i++)
	{
		const CastsslHbaDocument *before = castssl_hba_plan_differs(live, staged->files[i]);

		if (before)
			castssl_diff(&diff, before, staged->files[i]);
	}
	return diff.data;
}

/* 55000 if something else is staged than what the caller looked at. */
static void
check_expected(const char *expected)
{
	const char *hash = staged_hash(castssl_staged_read());

	if (expected == NULL || (hash && strcmp(hash, expected) == 0))
		return;
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					errmsg("the staged edits are not the expected ones"),
					hash ? errdetail("Their hash is %s.", hash)
						 : errdetail("What is staged is the same as the files in use."),
					errhint("Look at them: SELECT castssl_hba_diff();  castssl_status() shows "
							"their hash as staged_hash."),
					castssl_err_reason("castssl_stale")));
}

CastsslPlan *
castssl_staging_plan(const char *expected)
{
	CastsslPlan *plan = castssl_plan_new("apply pg_hba");
	const char *others;

	castssl_staging_check();
	check_expected(expected);
	plan->uses_staged = true;
	castssl_hba_plan_read(plan);
	plan->hba_after = castssl_staging_policy(NULL);
	others = staged_by_others(castssl_staged_read());
	if (others)
		castssl_plan_warn(plan, "edit pg_hba", HbaFileName, CASTSSL_CODE_staged_by_others, others);
	castssl_hba_plan_finish(plan);
	castssl_hba_plan_show(plan);
	plan->ssl_after = castssl_tls_is_on();
	return plan;
}
