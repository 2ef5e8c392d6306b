/*
 * unloaded.c
 *		What somebody has edited that the server has not loaded.
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "nodes/pg_list.h"
#include "utils/guc.h"
#include "utils/timestamp.h"

#include "change/journal.h"
#include "flow/ask/unloaded.h"
#include "flow/plan/material.h"
#include "server/disk/files.h"
#include "server/disk/paths.h"
#include "server/included.h"
#include "server/parameters.h"
#include "server/reload.h"

static void
add_path(StringInfo list, const char *path)
{
	appendStringInfo(list, "%s%s", list->len > 0 ? ", " : "", path);
}

static void
add_unloaded(StringInfo list, const char *path)
{
	if (castssl_reload_covers(path) == CASTSSL_NOT_LOADED)
		add_path(list, path);
}

static void
add_unloaded_parameters(StringInfo list, const char *path)
{
	if (castssl_reload_covers_parameters(path) == CASTSSL_NOT_LOADED)
		add_path(list, path);
}

char *
castssl_unloaded_hash(const CastsslHbaPolicy *policy)
{
	StringInfoData text;
	char *hash;

	initStringInfo(&text);
	for (int i = 0; i < policy->nfiles; i++)
		appendStringInfo(&text, "%s %s\n",
						 castssl_file_hash(policy->files[i]->data, policy->files[i]->length),
						 policy->files[i]->path);
	hash = castssl_file_hash(text.data, text.len);
	pfree(text.data);
	return hash;
}

/* Has the newest change loaded these rules, and nobody loaded anything since? */
static bool
are_loaded_by_change(const CastsslHbaPolicy *policy)
{
	const CastsslChange *change = castssl_journal_latest();

	return change && castssl_change_is_in_effect(change) && change->rules &&
		   change->server_start == PgStartTime && PgReloadTime <= change->applied_at &&
		   strcmp(change->rules, castssl_unloaded_hash(policy)) == 0;
}

static void
add_rules(StringInfo list, const CastsslHbaPolicy *policy)
{
	StringInfoData files;

	initStringInfo(&files);
	for (int i = 0; i < policy->nfiles; i++)
		add_unloaded(&files, policy->files[i]->path);
	if (files.len > 0 && !are_loaded_by_change(policy))
		appendStringInfoString(list, files.data);
}

static void
add_configuration(StringInfo list, const CastsslHbaPolicy *policy)
{
	ListCell *cell;

	add_rules(list, policy);
	add_unloaded(list, IdentFileName);
	add_unloaded_parameters(list, ConfigFileName);
	add_unloaded_parameters(list, castssl_path_in(DataDir, PG_AUTOCONF_FILENAME));
	foreach (cell, castssl_included_paths())
	{
		if (castssl_hba_policy_file(policy, lfirst(cell)) == NULL)
			add_unloaded_parameters(list, lfirst(cell));
	}
}

char *
castssl_unloaded_configuration(const CastsslHbaPolicy *policy)
{
	StringInfoData list;

	initStringInfo(&list);
	add_configuration(&list, policy);
	return list.len > 0 ? list.data : NULL;
}

char *
castssl_unloaded_files(const CastsslHbaPolicy *policy)
{
	StringInfoData list;

	initStringInfo(&list);
	add_configuration(&list, policy);
	for (int role = 0; castssl_tls_is_on() && role < CASTSSL_NROLES; role++)
	{
		char *name = castssl_material_named(role);

		if (name)
			add_unloaded(&list, name);
	}
	return list.len > 0 ? list.data : NULL;
}
