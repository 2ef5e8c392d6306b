/*
 * ownership.c
 *		Do the files of a plan belong to this cluster?
 *
 * Two clusters of one host may have one target_dir, or one hba_file, by mistake.  The change of
 * one would then end the other's TLS, or let strangers in there, at its next reload.
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/guc.h"

#include "base/words.h"
#include "change/journal.h"
#include "flow/apply/ownership.h"
#include "flow/apply/unwritable.h"
#include "flow/plan/baseline.h"
#include "server/disk/directories.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/other_cluster.h"
#include "server/parameters.h"
#include "server/process/platform.h"
#include "server/process/raise.h"
#include "tls/openssl.h"
#include "tls/pem.h"

/* Why a file may not be this cluster's to write. */
typedef struct Doubt
{
	bool certain;       /* it is another cluster's */
	const char *detail; /* a sentence; NULL: there is no doubt */
} Doubt;

/* Does the file lie in the data directory, or beside postgresql.conf? */
static bool
lies_at_home(const char *path)
{
	char *config = castssl_platform_real_path(castssl_path_folder(ConfigFileName));

	return path_is_prefix_of_path(castssl_path_data_directory(), path) ||
		   (config && path_is_prefix_of_path(config, path));
}

/* The newest change in effect that installed the file; NULL: none.  Undoing installs nothing. */
static const CastsslChangedFile *
find_installed(const char *path, const CastsslChange **change)
{
	List *changes = castssl_journal_list();

	for (int i = list_length(changes) - 1; i >= 0; i--)
	{
		ListCell *cell;

		*change = list_nth(changes, i);
		if (!castssl_change_is_in_effect(*change) || (*change)->undoes != NIL)
			continue;
		foreach (cell, (*change)->files)
		{
			const CastsslChangedFile *file = lfirst(cell);

			if (file->after_hash && strcmp(file->path, path) == 0)
				return file;
		}
	}
	return NULL;
}

static bool
is_file(const char *value, const char *path)
{
	char *real =
		value && value[0] ? castssl_platform_real_path(castssl_path_in(DataDir, value)) : NULL;

	return real && strcmp(real, path) == 0;
}

/* Does a parameter of TLS name the file, or did one before castssl_enable()? */
static bool
is_named(const char *path)
{
	for (int role = 0; role < CASTSSL_NROLES; role++)
	{
		const char *name = castssl_role_parameter(role);

		if (is_file(castssl_parameter_value(name), path) ||
			is_file(castssl_parameter_stored(name), path) ||
			is_file(castssl_parameter_configured(name), path) ||
			is_file(castssl_baseline_stored(name), path))
			return true;
	}
	return false;
}

/* The PEM blocks of a text; NULL: it has none.  Wiped with the memory context. */
static char *
blocks_of(const char *path, const char *data, size_t length, size_t *blocks_length)
{
	CastsslPem pem = { .name = path, .data = data, .length = length };
	CastsslFindings ignored = { 0 };

	return castssl_pem_blocks(&pem, blocks_length, &ignored);
}

/* Have both texts the same PEM blocks, so that nothing is lost? */
static bool
has_same_blocks(const CastsslPlannedFile *file, const char *now, size_t length)
{
	size_t now_length;
	size_t new_length;
	char *now_blocks = blocks_of(file->path, now, length, &now_length);
	char *new_blocks = blocks_of(file->path, file->data, file->length, &new_length);

	return now_blocks && new_blocks && now_length == new_length &&
		   memcmp(now_blocks, new_blocks, now_length) == 0;
}

static Doubt
doubt_of(const CastsslPlannedFile *file)
{
	const char *owner = castssl_other_cluster_owner(file->path);
	const CastsslChangedFile *installed;
	const CastsslChange *change;
	Doubt doubt = { 0 };
	size_t length;
	char *now;

	if (owner)
		return (Doubt){ .certain = true, .detail = psprintf("It lies %s.", owner) };
	if (!file->is_tls || file->data == NULL || lies_at_home(file->path))
		return doubt;
	now = castssl_file_read_if_exists(file->path, CASTSSL_CRL_LIMIT, &length, NULL);
	if (now == NULL)
		return doubt;
	castssl_openssl_wipe_later(now, length); /* it may be a private key */
	installed = find_installed(file->path, &change);
	if (installed && installed->elsewhere)
		return (Doubt){ .certain = true,
						.detail = psprintf("The cluster in \"%s\", of which this data directory is "
										   "a copy, installed it.",
										   change->written_in) };
	if ((installed && strcmp(installed->after_hash, castssl_file_hash(now, length)) == 0) ||
		is_named(file->path) || has_same_blocks(file, now, length))
		return doubt;
	doubt.detail = "This server did not install it, and no parameter of TLS names it.";
	return doubt;
}

/* The folder of this cluster's own that is proposed for the files of TLS. */
static const char *
own_folder(void)
{
	const char *config = castssl_path_folder(ConfigFileName);

	return castssl_directory_is_writable(config) ? config : castssl_path_data_directory();
}

/* How to write another file instead. */
static const char *
hint_for(const CastsslPlannedFile *file, const CastsslAgain *again)
{
	char *folder = castssl_sql_literal(own_folder());
	const char *copy = file->is_tls ? NULL : castssl_unwritable_hba_hint(file->path);

	if (copy)
		return psprintf("%s  To edit this file anyway: force => true.", copy);
	if (file->is_tls && again->up_to_target && folder)
		return psprintf("Use a folder of this cluster's own: %starget_dir => %s);  To replace the "
						"file anyway: force => true.",
						again->up_to_target, folder);
	return file->is_tls
			   ? "Move the file away.  To replace it anyway: force => true."
			   : "Set hba_file to a file of this cluster's own.  To edit this file anyway: "
				 "force => true.";
}

static void
refuse(const CastsslPlannedFile *file, const Doubt *doubt, const CastsslAgain *again)
{
	ereport(ERROR, (errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					doubt->certain ? errmsg("\"%s\" belongs to another cluster", file->path)
								   : errmsg("\"%s\" may belong to another server", file->path),
					errdetail("%s", doubt->detail), errhint("%s", hint_for(file, again)),
					castssl_err_reason("castssl_other_cluster")));
}

void
castssl_ownership_check(CastsslPlan *plan, bool force, bool dry_run, const CastsslAgain *again)
{
	ListCell *cell;

	foreach (cell, plan->files)
	{
		const CastsslPlannedFile *file = lfirst(cell);
		Doubt doubt;

		if (file->content_same || castssl_path_is_of_authority(file->path))
			continue;
		doubt = doubt_of(file);
		if (doubt.detail == NULL)
			continue;
		if (!force && !dry_run)
			refuse(file, &doubt, again);
		castssl_plan_warn(plan, file->is_tls ? "install file" : "edit pg_hba", file->path,
						  CASTSSL_CODE_other_cluster,
						  force ? doubt.detail
								: psprintf("without force the call would be refused: %s  %s",
										   doubt.detail, hint_for(file, again)));
	}
}
